"""What keeps a search or a comparison of the four arms from going on, and what a search has nothing to go by."""

from dataclasses import replace

import pytest

from studio.building import candidates, keeping, models
from studio.deciding import fairness, grids
from studio.freezing import snapshots
from studio.judging import baselines, evaluations, probes, variants
from studio.judging.variants import Baseline
from studio.reading import libraries, removal
from studio.store import Store
from tests import judged
from tests.conftest import look, words
from tests.test_grids import PLAN, answered, cups, finished, likes, source, whole


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


def test_a_comparison_whose_model_was_deleted_says_so_and_every_other_page_of_the_four_arms_is_shown(
    store, snapshot, app
):
    done = whole(store, snapshot)
    asked = [source(store, snapshot, split) for split in ("test", "validation")]
    models.add(store, "gone", models.ADAPTER, "/models/gone", "ada", base="starter")
    stuck = grids.start(store, "stuck", "gone", "manual", *asked, replace(PLAN, shots=(), depths=(1,)), "ada")
    keeping.delete(store, "gone", "ada")
    finished(store, baselines.get(store, stuck.baseline), likes)
    grids.catch_up(store)
    assert (grids.state(store, stuck), grids.state(store, done)) == (grids.STUCK, grids.DONE)

    look(app, "grid")
    assert not app.error and "**four**" in words(app) and "**stuck**" in words(app)
    look(app, "grid", grid=done.id)
    assert not app.error and "playful + manual is best" in words(app)
    look(app, "grid", grid=stuck.id)
    [said] = app.error
    assert "This comparison cannot go on. There is no model gone." in said.value and "compare anew" in said.value
    assert not [button for button in app.button if button.label == "Go on"]


def test_a_probe_that_cannot_be_asked_does_not_have_the_test_items_asked_again(store, snapshot):
    asked = [source(store, snapshot, split) for split in ("test", "validation")]
    probe = replace(probes.built_in(), split="nowhere")
    made = grids.start(
        store, "four", "playful", "manual", *asked, replace(PLAN, shots=(), depths=(1,)), "ada", probe=probe
    )
    finished(store, baselines.get(store, made.baseline), likes)
    for _ in range(3):
        grids.catch_up(store)
    made = grids.get(store, made.id)
    assert made.evaluation and not made.forgetting and grids.state(store, made) == grids.STUCK
    assert len(evaluations.listed(store)) == len(baselines.get(store, made.baseline).stages) + 1
    assert len(snapshots.looks(store, snapshot)) == 1


def test_where_no_variant_answered_everything_it_is_said_that_no_figure_chose(store, snapshot):
    asked = [source(store, snapshot, split) for split in ("test", "validation")]
    made = grids.start(store, "four", "playful", "manual", *asked, replace(PLAN, shots=(), depths=(1,)), "ada")
    finished(store, baselines.get(store, made.baseline), likes, fails="starter")
    grids.catch_up(store)
    said = " ".join(fairness.sentences(store, grids.get(store, made.id)))
    assert "none did better" not in said and "looks better there than it is" not in said
    assert "No figure chose starter: none of its 3 variants answered every validation item" in said
