"""Memory: what a training run will need, term by term, from the numbers in config.json. Loads nothing.

Every formula is told in docs/preflight.md; `benchmarks/memory.py` holds the sum against what real steps take. Sizes are
bytes. `h` is the width of the model, `f` that of its feed-forward, `V` its vocabulary, `L` its blocks.
"""

from dataclasses import dataclass

from engine.training.bases.anatomy import Anatomy
from engine.training.settings import DORA, FULL, GRPO, KTO, PREFERENCES, QLORA, TrainSpec

CHECKPOINTED = 1_000_000_000  # from so many weights on, a GPU computes a block again in place of keeping it
FLOAT, HALF = 4, 2  # bytes of a number
FOUR_BIT = (
    0.5 + 1 / 64 + 4 / (64 * 256)
)  # bytes of a weight in NF4: a scale in 8 bits for each 64, and one in 32 for 256 of these
MOMENTS = 2 * FLOAT  # AdamW keeps two averages of each gradient
ROUGH = 0.15  # how far an estimate may be off; see docs/preflight.md
CONTEXT = {"cuda": 600_000_000, "cpu": 700_000_000}  # CUDA's own and its libraries'; Python with torch and its kin


@dataclass(frozen=True)
class Term:
    """One part of the sum: what it is, how much, and why so much."""

    name: str
    size: int
    why: str


@dataclass(frozen=True)
class Load:
    """The largest batch: its rows, the longest of them in tokens, and the tokens learned in all of them."""

    rows: int
    longest: int
    trained: int


@dataclass(frozen=True)
class Memory:
    terms: tuple[Term, ...]
    device: str
    checkpointing: bool  # blocks are computed again on the way back

    @property
    def total(self) -> int:
        return sum(term.size for term in self.terms)

    @property
    def low(self) -> int:
        return round(self.total * (1 - ROUGH))

    @property
    def high(self) -> int:
        return round(self.total * (1 + ROUGH))

    def of(self, name: str) -> int:
        return next((term.size for term in self.terms if term.name == name), 0)


def estimate(anatomy: Anatomy, spec: TrainSpec, load: Load, device: str = "cpu", bf16: bool = True) -> Memory:
    """What `spec` needs for its largest batch on a device (`cpu` or `cuda`). `bf16`: whether that computes in it."""
    size = HALF if bf16 else FLOAT
    again = device == "cuda" and anatomy.parameters > CHECKPOINTED
    tried = _tried(spec, load)
    passing = [*_activations(anatomy, spec, tried, device, size, again), _logits(anatomy, tried)]
    passing += _copies(anatomy, spec, size, again)
    if spec.method == GRPO:
        passing.append(_answers(anatomy, spec, load, size))
    terms = [*_weights(anatomy, spec, size), *_learned(anatomy, spec, sum(term.size for term in passing)), *passing]
    terms.append(_workspace(anatomy, spec, device, size))
    return Memory(tuple(term for term in terms if term.size), device, again)


def _tried(spec: TrainSpec, load: Load) -> Load:
    """The rows that really pass through: a preference has two answers, and GRPO writes its own."""
    if spec.method in PREFERENCES:
        rows = load.rows * (1 if spec.method == KTO else 2)
        return Load(rows, load.longest, rows * load.longest)
    if spec.method == GRPO:
        longest = load.longest + spec.answer_tokens
        return Load(load.rows, longest, load.rows * spec.answer_tokens)
    return load


def trained_parameters(anatomy: Anatomy, spec: TrainSpec) -> int:
    """Weights that move."""
    if spec.tuning == FULL:
        return anatomy.parameters
    magnitudes = anatomy.layers * sum(one.out * one.count for one in anatomy.linears) if spec.tuning == DORA else 0
    return anatomy.adapter(spec.rank, spec.targets) + magnitudes


def _weights(anatomy: Anatomy, spec: TrainSpec, size: int) -> list[Term]:
    n = anatomy.parameters
    if spec.tuning == FULL:
        return [Term("weights", n * FLOAT, f"{n:,} weights in 4 bytes each, as small steps would be lost in two")]
    if spec.tuning == QLORA:
        packed = anatomy.layers * sum(one.into * one.out for one in anatomy.linears if one.count == 1)
        why = f"{packed:,} weights in 4 bits with a scale for each 64, and {n - packed:,} in {size} bytes"
        return [Term("weights", round(packed * FOUR_BIT) + (n - packed) * size, why)]
    return [Term("weights", n * size, f"{n:,} weights in {size} bytes each, which stay as they are")]


def _learned(anatomy: Anatomy, spec: TrainSpec, passing: int) -> list[Term]:
    """What belongs to the weights that move. `passing`: what a batch itself takes, given back before it needs these."""
    n = trained_parameters(anatomy, spec)
    terms = [] if spec.tuning == FULL else [Term("adapter", n * FLOAT, f"{n:,} weights that move, in 4 bytes each")]
    gradients, why = n * FLOAT, "one for each weight that moves, in 4 bytes"
    if spec.accumulation == 1:
        gradients, why = max(0, gradients - passing), why + "; they fill the room that the batch gives back"
    moments = Term("optimizer", n * MOMENTS, "two averages of each gradient, in 4 bytes (AdamW)")
    return [*terms, Term("gradients", gradients, why), moments]


def _activations(anatomy: Anatomy, spec: TrainSpec, load: Load, device: str, size: int, again: bool) -> list[Term]:
    """What is kept of the way through the model, to find the way back."""
    places = load.rows * max(1, load.longest - 1)
    block = round(places * _of_block(anatomy, spec, size) + load.rows * _scores(anatomy, load, device, size))
    ends = places * anatomy.hidden * (FLOAT + size)
    words = f"{load.rows:,} rows of {load.longest:,} tokens through {anatomy.layers} blocks"
    if not again:
        return [Term("activations", anatomy.layers * block + ends, f"{words}, all kept")]
    kept = anatomy.layers * places * anatomy.hidden * size
    return [Term("activations", kept + block + ends, f"{words}: the entrance of each is kept, and one whole block")]


def _of_block(anatomy: Anatomy, spec: TrainSpec, size: int) -> float:
    """Bytes a token keeps in one block, besides the scores of its attention."""
    h, f = anatomy.hidden, anatomy.ffn
    if spec.tuning == FULL:
        # both norms keep what goes in and what comes out, in float32; in two bytes each of five layers makes its copy
        norms = 2 * 2 * h * FLOAT + (5 * h * HALF if size == HALF else 2 * h * FLOAT)
    else:
        norms = 2 * h * (FLOAT + size if size == HALF else 2 * size)
    attention = (2 * anatomy.queries + 2 * anatomy.keys) * size + anatomy.queries * size
    feed = 4 * f * size * anatomy.active + (2 * h * size * anatomy.active if anatomy.experts > 1 else 0)
    inner = 0 if spec.tuning == FULL else spec.rank * size * 7
    # DoRA scales what the base and the adapter say, and keeps both to find how much
    both = 2 * sum(one.out for one in anatomy.linears) * size if spec.tuning == DORA else 0
    return norms + attention + feed + inner + both


def _scores(anatomy: Anatomy, load: Load, device: str, size: int) -> float:
    """Bytes of a row's attention in one block: each token with each on a CPU, one figure a token in fused attention."""
    long = max(1, load.longest - 1)
    if device == "cuda":
        return anatomy.heads * long * FLOAT
    repeated = 2 * (anatomy.queries - anatomy.keys) * size * long
    return anatomy.heads * long**2 * (FLOAT + (size if size == HALF else 0)) + repeated


def _copies(anatomy: Anatomy, spec: TrainSpec, size: int, again: bool) -> list[Term]:
    """Weights that move are kept in four bytes and computed with in two, where the machine can. An adapter on experts
    is added to their weights for each step, so these are there once more: of all blocks, or of one at a time."""
    n = trained_parameters(anatomy, spec) - (anatomy.embedding if spec.tuning == FULL and not anatomy.tied else 0)
    found = [Term("copies", n * HALF, f"{n:,} weights that move, once more in 2 bytes")] if size == HALF else []
    adapted = sum(one.into * one.out * one.count for one in anatomy.adapted(spec.targets) if one.count > 1)
    if adapted and spec.tuning != FULL:
        together = adapted * (1 if again else anatomy.layers)
        found.append(Term("experts", together * size, f"{together:,} weights of experts with their adapter added"))
    return found


def _logits(anatomy: Anatomy, load: Load) -> Term:
    """Scores of the whole vocabulary: three copies in float32 while the loss turns back."""
    why = f"{load.trained:,} learned tokens x {anatomy.vocab:,} words, three times in 4 bytes"
    return Term("logits", load.trained * anatomy.vocab * 3 * FLOAT, why)


def _answers(anatomy: Anatomy, spec: TrainSpec, load: Load, size: int) -> Term:
    """Keys and values of all that is being written, for all blocks."""
    tokens = load.rows * (load.longest + spec.answer_tokens)
    each = 2 * anatomy.layers * anatomy.keys * size
    return Term("answers", tokens * each, f"keys and values of {tokens:,} tokens while answers are tried")


def _workspace(anatomy: Anatomy, spec: TrainSpec, device: str, size: int) -> Term:
    largest = max(one.into * one.out for one in anatomy.linears)
    unpacked = largest * size if spec.tuning == QLORA else 0
    what = "CUDA and its libraries" if device == "cuda" else "Python, torch and its kin"
    return Term("workspace", CONTEXT[device] + unpacked, f"{what}, before anything is learned")
