"""Small figures and pictures: words for times, tokens with their mark, charts that carry their intervals."""

import re
import tomllib
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from engine.scoring import stats
from studio.audit import Event
from studio.folders import CODE
from studio.store import now
from studio.ui import charts, deeds, notices, parts, tokens
from tests.conftest import ENTRY

THEME = tomllib.loads((ENTRY.parent / ".streamlit" / "config.toml").read_text())["theme"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(9, "9 s"), (60, "1 min"), (200, "3 min 20 s"), (3599.7, "1 h 0 min"), (3900, "1 h 5 min")]
)
def test_durations_are_said_in_words(seconds, said):
    assert parts.lasting(seconds) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=7), "7 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=1, hours=2), "1 day ago"),
        (timedelta(days=2), "2 days ago"),
    ],
)
def test_times_are_said_as_how_long_ago(before, said):
    assert parts.ago(now() - before) == said


def test_one_is_not_many():
    assert (parts.count(1, "line"), parts.count(1200, "line")) == ("1 line", "1,200 lines")


def test_trained_tokens_are_marked_and_nothing_in_them_is_markup():
    found = tokens.rows([{"tokens": ["<b>", " yes"], "trained": [0, 1]}])
    assert found == '<div class="tokens"><span>&lt;b&gt;</span><span class="on"> yes</span></div>'


def test_what_people_wrote_is_shown_to_the_letter():
    assert notices.plain("a*b_c [d] $e$ :f:") == r"a\*b\_c \[d\] \$e\$ \:f\:"


def test_a_bar_carries_its_interval_and_its_n():
    found = charts.estimates({"tone": {"tuned": stats.share(47, 50), "unmeasured": stats.share(0, 0)}})
    bar = found.data[0]
    assert list(bar.y) == ["tuned"], "what has no number gets no bar"
    assert (bar.x[0], bar.x[0] - bar.error_x.arrayminus[0]) == pytest.approx((0.94, 0.838), abs=5e-4)
    assert bar.x[0] + bar.error_x.array[0] == pytest.approx(0.979, abs=5e-4)
    assert "n = 50" in bar.customdata[0]


def test_a_point_of_the_frontier_carries_its_interval():
    row = {"name": "rag", "value": 0.5, "low": 0.4, "high": 0.7, "n": 80, "cost": 2.0, "seconds": 1.5}
    point = charts.frontier(pd.DataFrame([row]), charts.TIME).data[0]
    assert (point.x[0], point.y[0]) == (1.5, 0.5)
    assert (point.error_y.array[0], point.error_y.arrayminus[0]) == pytest.approx((0.2, 0.1))


def test_a_long_name_beside_a_point_is_broken_into_lines_and_has_room_on_its_right():
    name = "fernwick-triage-2026 + the whole handbook"
    row = {"name": name, "value": 0.5, "low": 0.4, "high": 0.7, "n": 80, "cost": 2.0, "seconds": 1.5}
    found = charts.frontier(pd.DataFrame([row]), charts.TIME)
    lines = found.data[0].text[0].removeprefix("<b>").removesuffix("</b>").split("<br>")
    assert "".join(lines).replace(" ", "") == name.replace(" ", "") and max(map(len, lines)) <= charts.LINE
    assert found.layout.xaxis.range[1] >= 1.6 * 1.5
    assert name in found.data[0].customdata[0], "under the mouse it is whole"


def test_the_three_lines_of_a_legend_on_a_phone_do_not_cover_the_bar_of_preferences():
    found = charts.preferred([("plain", 3), ("tie or both bad", 1), ("tuned", 0)])
    assert [bar.x[0] for bar in found.data] == [3, 1, 0] and found.layout.xaxis.range == (0, 4)
    assert found.layout.height / 2 >= 3 * 25, "Plotly gives a legend half of the height at most"


def test_the_calm_curve_of_a_straight_fall_is_that_fall():
    values = pd.Series([3.0, 2.5, 2.0, 1.5, 1.0])
    assert list(charts.smooth(values))[1:-1] == [2.5, 2.0, 1.5]


def _luminance(color: str) -> float:
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Of WCAG 2: (lighter + .05) / (darker + .05)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_has_the_contrast_of_the_textbook():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_can_be_read_in_light_and_in_dark(mode):
    look = THEME[mode]
    assert contrast(look["textColor"], look["backgroundColor"]) >= 7
    assert contrast(look["textColor"], look["secondaryBackgroundColor"]) >= 7
    assert contrast(look["linkColor"], look["backgroundColor"]) >= 4.5
    assert contrast("#ffffff", look["primaryColor"]) >= 4.5, "the words on a primary button"
    assert contrast(look["textColor"], look["sidebar"]["backgroundColor"]) >= 7


def test_the_fonts_are_here_and_not_on_somebody_elses_server():
    for face in THEME["fontFaces"]:
        assert (ENTRY.parent / face["url"].removeprefix("app/")).is_file(), face["url"]
    assert "http" not in (ENTRY.parent / ".streamlit" / "config.toml").read_text()


def test_every_deed_has_words_of_its_own():
    source = "".join(path.read_text() for path in (CODE / "studio").rglob("*.py"))
    verbs = set(re.findall(r'\.write\(\w+, "([a-z.]+)"', source))
    assert "example.edit" in verbs and verbs - set(deeds.WORDS) == set()


def test_a_deed_is_said_with_its_details_and_never_fails_for_lack_of_one():
    event = Event(1, "ada", "dataset.mend", "tone", {"source": "my_file.jsonl", "line": 3}, now())
    assert deeds.said(event) == r"mended line 3 of my\_file.jsonl"
    assert deeds.said(replace(event, detail={})) == "dataset.mend tone"
    assert deeds.said(replace(event, verb="cup.wash", detail={})) == "cup.wash tone"
