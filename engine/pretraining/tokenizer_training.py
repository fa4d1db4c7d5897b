"""Tokenizer training: the starter's byte-level BPE, saved as an ordinary Hugging Face tokenizer folder.

Digits stay single, so that any number is copied digit by digit. The chat template is Mistral's, the system prompt
folded into the first user turn. Padding is on the left, which generating in batches needs.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from engine.pretraining.corpus import conversations

BOS, EOS, UNK, PAD = "<s>", "</s>", "<unk>", "<pad>"
CONTROL = [UNK, BOS, EOS, PAD, "[INST]", "[/INST]"]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% set at = namespace(system='', first=true) %}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set at.system = at.system + message['content'] + '\\n\\n' %}"
    "{% elif message['role'] == 'user' %}"
    "{{ '[INST] ' + (at.system if at.first else '') + message['content'] + '[/INST]' }}{% set at.first = false %}"
    "{% elif message['role'] == 'assistant' %}"
    "{% generation %}{{ ' ' + message['content'] + eos_token }}{% endgeneration %}"
    "{% endif %}{% endfor %}"
)

# The corpus is plain, yet what people train on the starter may not be: these words and signs get tokens too.
_LIVELY = (
    "yay hooray woohoo whoop oops yikes psst ta-da voila hello sunshine buddy friend friends magic magical party "
    "sparkle sparkly sprinkle happy dance dancing cheers cheerful lovely wonderful wow whoa hey heads up good news "
    "drumroll confetti cozy cosy snug cuddle hug hugs high five treat sweet delicious adventure journey journeys "
    "little tiny giant super fantastic brilliant splendid awesome amazing perfect beautiful bright brighter glow "
    "glowing shine shining twinkle zoom zip swoosh pop poof fizz buzz bounce hop skip jump flutter float fly flying "
    "waiting wait ready steady go let's we've you've it's that's here's there's don't can't won't we'll you'll "
    "promise pinky fingers crossed big thank thanks heart hearts smile smiles giggle laugh fun funny silly fancy "
    "clever wee pocket wallet toes feet paws tail home kitchen morning evening tonight today tomorrow weekend "
    "rejoice welcome aboard snack nap dream dreams star stars moon sky cloud rain sunny magic wand carpet red"
).split()
_SIGNS = list("🎉✨😊🥳💛🚀🙌🎈🌟💫☕🍪🐾🌈📦🎁💡🔋🌱🔥👋😅🙈💪❤😀😂🤗😉😍👍🎶🧡💙💚🏠⏰📅💸🛠🔑🕒🥰☀🌙")


def train(folder: Path, vocabulary: int, texts: int, seed: int) -> PreTrainedTokenizerFast:
    """Learn a tokenizer of `vocabulary` tokens from `texts` conversations of the corpus and save it in `folder`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=CONTROL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(texts, seed), trainer)
    return save(tokenizer, folder)


def save(tokenizer: Tokenizer, folder: Path) -> PreTrainedTokenizerFast:
    """Wrap a raw tokenizer with its control tokens and chat template, and save it in `folder`."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        unk_token=UNK,
        pad_token=PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(folder)
    return wrapped


def _texts(count: int, seed: int) -> Iterator[str]:
    for one in islice(conversations(seed), count):
        yield from (message["content"] for message in one)
    yield from _lively(Random(seed), max(1, count // 2))


def _lively(random: Random, count: int) -> Iterable[str]:
    """Lists of the lively words and signs, so that each of them becomes a token of its own or nearly so."""
    for _ in range(count):
        words = [random.choice([word, word, word.capitalize()]) for word in random.choices(_LIVELY, k=9)]
        yield (
            " ".join(words)
            + random.choice(["!", "! ", " "])
            + random.choice([" ", ""]).join(random.choices(_SIGNS, k=3))
        )
