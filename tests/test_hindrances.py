"""What keeps a search or a comparison of the four arms from going on, and what a search has nothing to go by."""

from dataclasses import replace

import pytest

from studio.building import candidates
from studio.judging import baselines, variants
from studio.judging.variants import Baseline
from studio.reading import libraries, removal
from studio.store import Store
from tests import judged
from tests.test_grids import PLAN, answered, cups, finished, likes, source


@pytest.fixture
def snapshot(store, tmp_path):
    return cups(store, tmp_path)


def begun(store: Store, snapshot: str, **told) -> Baseline:
    plan = replace(PLAN, shots=(), depths=(1, 2), **told)
    asked = source(store, snapshot, "validation")
    return baselines.start(store, "search", "starter", asked, plan, "ada", library="manual")


def test_a_search_whose_library_was_deleted_says_so_and_keeps_no_other_from_going_on(store, snapshot):
    other = baselines.start(
        store, "other", "starter", source(store, snapshot, "validation"), replace(PLAN, shots=(), depths=()), "ada"
    )
    first = begun(store, snapshot)  # the newest is tried first
    removal.library(store, "manual", "ada")
    for search in (first, other):
        answered(store, baselines.asking(store, search), likes)
    baselines.catch_up(store)
    first, other = (baselines.get(store, search.id) for search in (first, other))
    assert other.done and baselines.state(store, other) == baselines.DONE
    assert baselines.state(store, first) == baselines.STUCK and first.prompt and not first.rag
    assert "There is no library manual" in str(baselines.hindrance(first.id))

    libraries.add(store, "manual", {"cups.md": "# Cups\n\nThe warranty of cup 7 is 7 months."}, "ada")
    assert finished(store, _again(store, first), likes).done and baselines.hindrance(first.id) is None


def _again(store: Store, search: Baseline) -> Baseline:
    baselines.catch_up(store)
    return baselines.get(store, search.id)


def test_a_metric_by_which_no_answer_has_a_score_does_not_blind_a_search(store, snapshot):
    search = begun(store, snapshot, metrics=("facts", "label"))
    waits = baselines.asking(store, search)
    items = [row["id"] for row in store.rows("select id from item where evaluation = ? order by id", [waits.id])]
    judged.write(
        waits.job.folder,
        [
            judged.answer(
                one, item, "words",
                scores={**judged.right(likes(one, n)), **judged.right(None, "label", "the item names no label")},
            )
            for one in map(lambda id: candidates.get(store, id), waits.candidates)
            for n, item in enumerate(items)
        ],
    )  # fmt: skip
    search = _again(store, search)
    [stage, *_] = search.stages
    assert candidates.get(store, search.prompt).system == "Be brief."
    assert variants.tried(store, search, stage)[0].worth == pytest.approx(15 / 40)
