"""Fairness: what the four arms share, and what the base was given before it was compared, in sentences."""

from collections.abc import Mapping

from engine.serving.asking.client import Decoding
from studio.building import candidates
from studio.deciding.grids import Grid
from studio.judging import baselines, figures, variants
from studio.judging.variants import Baseline
from studio.store import Store


def sentences(store: Store, grid: Grid) -> list[str]:
    """All that is to be said of it, as far as the grid has come."""
    search = baselines.get(store, grid.baseline)
    budget = f"a budget of {search.plan.answers:,} answers, of which {search.spent:,} were asked for"
    going = "was searched" if search.done else "is searched"
    said = [f"The base's best prompt {going} among {search.tried} variants on {search.source.name}, with {budget}."]
    if grid.arms is None:
        return said
    prompt, rag = (_told(store, search, arm) for arm in (grid.arms.prompt, grid.arms.rag))
    said += [
        f"Without retrieval the search chose {prompt}; with it {rag}.",
        *(_flattered(store, grid, search, arm) for arm in (grid.arms.prompt, grid.arms.rag)),
        f"All four draw their answers the same way ({_drawn(search.plan.decoding)}), and both that retrieve read "
        f"{_passages(store, grid.arms.both)} of {grid.library}.",
        "The tuned model is told nothing but the question, as in its training.",
        "It is one run with one seed: what another seed would have made of it is in no interval here.",
    ]
    return said


def _flattered(store: Store, grid: Grid, search: Baseline, arm: str) -> str:
    """What an arm that was chosen reached where it was chosen, and where it was not."""
    stage, chosen = search.won(arm), _chosen(store, search, arm)
    name = candidates.get(store, arm).name
    if chosen.worth is None:
        return (
            f"No figure chose {name}: none of its {search.rivals(stage.name)} variants answered every validation item "
            "and has a score, so the plainest stands here. The base may be capable of more."
        )
    there = _listed(chosen.said)
    scored = {metric: figures.scores(store, grid.evaluation, metric) for metric in grid.metrics}
    here = _listed({metric: found.scale.text(found.estimate(arm)) for metric, found in scored.items()})
    return (
        f"{name} had {there} on the validation items, as the best of "
        f"{search.rivals(stage.name)}: the best of several looks better there than it is. It is the test items that "
        f"count: {here}."
    )


def _listed(said: Mapping[str, str]) -> str:
    return " and ".join(f"{metric} {figure}" for metric, figure in said.items())


def _chosen(store: Store, search: Baseline, arm: str) -> variants.Tried:
    """How an arm did in the round that made it the choice."""
    return next(one for one in variants.tried(store, search, search.won(arm)) if one.candidate == arm)


def _told(store: Store, search: Baseline, arm: str) -> str:
    """What the model of an arm that was chosen is told before the question."""
    candidate = candidates.get(store, arm)
    ways = [f"the prompt “{candidate.system}”"] if candidate.system else []
    ways += [f"{candidate.shows} from training data"] if candidate.shows else []
    nothing = "no prompt" + ", since none did better" * (_chosen(store, search, arm).worth is not None)
    return " with ".join(ways) or nothing


def _passages(store: Store, id: str) -> str:
    count = candidates.get(store, id).passages
    return f"the {count} best passages" if count > 1 else "the best passage"


def _drawn(decoding: Decoding) -> str:
    drawn = f"temperature {decoding.temperature:g}" if decoding.temperature else "the likeliest word each time"
    return f"{drawn}, at most {decoding.max_tokens} tokens"
