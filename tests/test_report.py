"""The decision report: its words follow from its figures, and its page holds all of them."""

import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from engine.scoring import sizing
from engine.scoring.clustered import Clusters
from studio.deciding import report as reports
from studio.deciding import report_words
from studio.deciding.report_chart import chart
from tests.report_sample import N, lesson, report

SAME = dict.fromkeys(("prompt", "rag", "tuned", "tuned_rag"), 100)


def headline(facts: dict[str, int], tone: dict[str, int]) -> str:
    return report_words.said(report(facts, tone)).headline


def arms(prompt: int, rag: int, tuned: int, tuned_rag: int) -> dict[str, int]:
    return {"prompt": prompt, "rag": rag, "tuned": tuned, "tuned_rag": tuned_rag}


class Page(HTMLParser):
    """Checks that tags close in order, and keeps texts and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        assert not self.open, f"{self.open} never closed"

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in ("meta", "rect", "line", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.replace("\u00a0", " ").strip())


def page(found: dict) -> Page:
    return Page(reports.page(found))


def test_the_lesson_is_said_when_the_figures_show_it():
    said = report_words.said(lesson())
    assert said.headline == "RAG closes the knowledge gap; fine-tuning changes the tone; only both together do both."
    assert said.sentences[0] == (
        "With RAG, 94 % (90-97, n = 192) of the questions are answered right; "
        "with a prompt alone 0 % (0-2, n = 192): +94 points (+90 to +97, n = 192)."
    )


@pytest.mark.parametrize(
    ("facts", "tone", "said"),
    [
        (arms(10, 100, 10, 100), SAME, "RAG narrows the knowledge gap; "),
        (arms(10, 180, 90, 180), SAME, "Both RAG and fine-tuning add knowledge; "),
        (arms(10, 10, 90, 90), SAME, "Fine-tuning adds knowledge, and RAG does not; "),
        (arms(90, 40, 90, 90), SAME, "RAG costs knowledge; "),
        (SAME, arms(5, 5, 100, 100), "; fine-tuning shifts the tone; "),
        (SAME, arms(5, 100, 100, 100), "; both fine-tuning and RAG change the tone; "),
        (SAME, arms(5, 100, 5, 100), "; RAG changes the tone, and fine-tuning does not; "),
        (SAME, arms(100, 100, 40, 40), "; fine-tuning harms the tone; "),
        (arms(100, 104, 100, 100), SAME, "Whether RAG adds knowledge can't be told from these items; "),
        (SAME, SAME, "RAG adds knowledge in no way worth having; "),
    ],
)
def test_the_headline_says_what_each_step_did(facts, tone, said):
    assert said in headline(facts, tone)


@pytest.mark.parametrize(
    ("facts", "tone", "said"),
    [
        (arms(0, 120, 0, 120), arms(0, 0, 120, 120), "both together do more than either, yet not reliably."),
        (arms(190, 190, 190, 190), arms(0, 0, 190, 190), "fine-tuning alone does as well as both."),
        (arms(190, 190, 190, 100), arms(190, 190, 190, 190), "RAG and fine-tuning do better alone than together."),
        (arms(100, 100, 100, 104), arms(192, 192, 192, 192), "whether both together are better"),
    ],
)
def test_the_headline_claims_both_only_when_both_beat_each(facts, tone, said):
    assert said in headline(facts, tone)


def test_a_report_without_differences_claims_none():
    found = {**lesson(), "differences": []}
    assert report_words.said(found).headline.startswith("Of the tickets, the tuned model sorts 94 %")
    assert report_words.said({}).headline == "Nothing was compared yet."


def test_tickets_that_can_not_be_told_apart_are_not_called_better():
    found = {"triage": lesson()["triage"]}
    found["triage"]["difference"]["verdict"] = "cannot tell"
    assert "which is better can't be told" in report_words.said(found).headline


def test_the_page_says_what_the_test_set_is_too_small_to_show():
    alone, of_documents = lesson(), lesson()
    documents = Clusters(tuple(f"d{at // 4}" for at in range(192)), "documents")
    of_documents["reach"] = asdict(sizing.visible(192, documents, 0.5))
    assert "the test's 192 items are enough to see 9 points of difference," in report_words.smallest(alone)
    said = report_words.smallest(of_documents)  # worth 192 / (1 + 3 x .5) items at most
    assert "the test's 192 items of 48 documents are enough to see 14 points of difference," in said
    assert report_words.smallest({}) == ""


def test_both_files_are_written_and_the_json_reads_back(tmp_path):
    found = lesson()
    reports.write(tmp_path / "demo", found)
    assert json.loads((tmp_path / "demo" / "report.json").read_text()) == found
    assert (tmp_path / "demo" / "report.html").read_text() == reports.page(found)
    assert len(list((tmp_path / "demo").iterdir())) == 2


def test_a_number_that_is_none_never_reaches_the_file(tmp_path):
    with pytest.raises(ValueError):
        reports.write(tmp_path, {"seconds": float("nan")})
    assert not (tmp_path / "report.json").exists()


def test_the_page_needs_nothing_from_outside():
    html = reports.page(lesson())
    assert "<script" not in html
    assert not re.search(r"(?:src|href|url|@import)\s*[=(]", html)
    assert "prefers-color-scheme: dark" in html


def test_every_share_on_the_page_has_its_n_and_interval():
    texts = page(lesson()).texts
    ranges = [text for text in texts if "n = " in text]
    assert "90–97 %, n = 192" in texts  # facts of RAG
    assert "90–96 %, n = 270" in texts  # tickets of the tuned model
    assert texts.count("%") == len([text for text in ranges if re.fullmatch(r"\d+–\d+ %, n = \d+", text)])


def test_every_part_of_the_report_is_on_the_page():
    texts = " ".join(page(lesson()).texts)
    for part in (
        "Four ways",
        "What each step changes",
        "More than the sum",
        "Sorting tickets",
        "Rewriting messages",
        "How long can I use the Aurora",
        "0.0031 euros",
        "mean reciprocal rank",
        "1,215",
        "One training seed",
        "4 min 11 s",
        "20 November 2026, 19:03 UTC",
        "torch 2.13.0",
    ):
        assert part in texts


@pytest.mark.parametrize("part", lesson())
def test_a_missing_part_is_left_out(part):
    found = lesson()
    del found[part]
    texts = " ".join(page(found).texts)
    assert "None" not in texts and "Undefined" not in texts
    reports.page({part: lesson()[part]})


def test_an_empty_report_is_a_page_too():
    assert "Nothing was compared yet." in page({}).texts


def test_figures_without_items_or_interval_say_so():
    found = lesson()
    found["arms"]["rag"]["facts"] = {"value": None, "low": None, "high": None, "n": 0}
    found["arms"]["tuned"]["facts"] = {"value": 1.0, "low": None, "high": None, "n": 1}
    found["interaction"]["tone"] = {"value": 0.0, "low": None, "high": None, "n": 4}
    texts = " ".join(page(found).texts)
    assert "no number, n = 0" in texts
    assert "no interval, n = 1" in texts
    assert "0 points (no interval, n = 4)" in texts


def test_what_a_model_says_stays_text():
    found = lesson()
    found["examples"][0]["answers"]["tuned"]["text"] = "<script>alert(1)</script>"
    html = reports.page(found)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_picture_puts_facts_to_the_right_and_tone_upwards():
    dots = {dot.arm: dot for dot in chart(lesson()["arms"]).dots}
    assert dots["rag"].x > dots["prompt"].x
    assert dots["tuned"].y < dots["prompt"].y
    assert all(dot.left <= dot.x <= dot.right and dot.top <= dot.y <= dot.bottom for dot in dots.values())
    assert len(chart(lesson()["arms"]).ways) == 4
    assert chart({}) is None


def test_names_of_equal_points_do_not_cover_each_other():
    dots = chart(report(SAME, SAME)["arms"]).dots
    places = sorted(dot.text_y for dot in dots)
    assert all(later - earlier >= 20 for earlier, later in pairwise(places))


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "–"), (0.213, "0.21 s"), (21.3, "21 s"), (60, "1 min 0 s"), (250.6, "4 min 11 s")]
)
def test_durations_are_short(seconds, said):
    assert reports.duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"), [(None, "–"), (0, "0.00"), (1234.5, "1,234.50"), (0.0031, "0.0031"), (1e-6, "under 0.0001")]
)
def test_money_keeps_two_digits_that_mean_something(value, said):
    assert reports.money(value) == said


def test_the_sample_has_192_items():
    assert lesson()["arms"]["rag"]["facts"]["n"] == N
