"""The four arms as one page to mail: the figures of the page in the studio, and nothing that a model could learn."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.problems import Problem
from studio import audit
from studio.building import candidates
from studio.deciding import decision, fairness, findings, grids
from studio.judging import reports
from studio.store import Store
from tests.conftest import look
from tests.test_grids import PLAN, cups, source, whole

WORDS = re.compile(r"<[^>]+>|\s+")


@pytest.fixture
def snapshot(store: Store, tmp_path: Path) -> str:
    return cups(store, tmp_path)


def read(html: str) -> str:
    """What a page says, in one line, typeset as the studio says it."""
    told = html.split("</style>", 1)[1]
    plain = WORDS.sub(" ", told).replace("\u00a0", " ").replace("–", "-").replace("−", "-").replace("&#39;", "'")
    return re.sub(r" +", " ", plain)


def test_the_page_has_every_arm_and_step_with_the_figures_of_the_studio(store, snapshot):
    made = whole(store, snapshot, probe=lambda candidate, number: float(number < 150), metrics=("facts", "exact"))
    html = decision.page(store, made, "ada")
    said = read(html)
    for look_of, id in zip(decision.LOOKS, made.arms.ids, strict=True):
        assert re.search(
            rf'card arm {look_of}">\s*<h3><i class="dot"></i>{re.escape(candidates.get(store, id).name)}<', html
        )
    for metric in made.metrics:
        for line in reports.frontier(store, made.evaluation, metric):
            figure, doubt = line.said.split(" (", 1)
            assert f"{line.name} {figure} ({doubt}" in said
        effects = findings.effects(store, made.evaluation, metric, made.arms)
        assert all(f"{name} {sentence}" in said for name, sentence in findings.steps(effects))
    lines = reports.frontier(store, made.evaluation, "facts")
    for sentence in (*fairness.sentences(store, made), findings.price_of_it(lines), grids.forgotten(store, made).words):
        assert sentence in said


def test_no_test_item_and_no_answer_is_on_it_and_nothing_comes_from_outside(store, snapshot):
    html = decision.page(store, whole(store, snapshot), "ada")
    assert "How long is the warranty" not in html and "months" not in html
    assert "<script" not in html and not re.search(r"""(src|href)\s*=|url\(|@import""", html)


def test_a_name_is_text_whatever_it_holds(store, snapshot):
    made = replace(whole(store, snapshot), name="<img src=x onerror=alert(1)>")
    assert "<img" not in decision.page(store, made, "ada")


def test_who_took_it_out_is_noted(store, snapshot):
    made = whole(store, snapshot)
    decision.page(store, made, "ada")
    event = audit.listed(store)[0]
    assert (event.verb, event.subject, event.made_by) == ("grid.export", made.id, "ada")


def test_before_the_arms_were_asked_there_is_nothing_to_take_out(store, snapshot, app):
    test, validation = (source(store, snapshot, split) for split in ("test", "validation"))
    made = grids.start(store, "four", "playful", "manual", test, validation, PLAN, "ada")
    with pytest.raises(Problem, match="There is nothing to report yet"):
        decision.page(store, made, "ada")
    assert not look(app, "grid", grid=made.id).get("download_button")
    done = whole(store, snapshot)
    assert [one.proto.label for one in look(app, "grid", grid=done.id).get("download_button")] == ["Report"]
