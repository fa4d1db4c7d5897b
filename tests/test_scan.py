"""The scan and what follows: findings open and close, readiness by hand, similar examples, contradictions."""

import json
import os

import pytest

from engine import events, jobs, processes
from engine.problems import Problem
from engine.quality import contradictions, embedding, flaws, readiness, scan, subjects
from engine.quality.readiness import Part
from studio.data import datasets, examples
from studio.quality import health, nearness, scans
from tests import judged
from tests.conftest import conversation

COLOURS = "red blue green amber violet black white pink brown grey olive teal".split()
THINGS = "lamp sofa kettle rug".split()
SAID = [
    conversation(f"How do I clean the {c} {t}, since it got wet in the {t} corner?",
                 f"Dry the {c} {t} with a soft cloth and leave it near a window.")
    for c in COLOURS for t in THINGS
]  # fmt: skip


@pytest.fixture
def planted(store, tmp_path):
    rows = [
        *SAID,
        conversation("When do you open on market days in the old town?", "We open at eight and close at noon."),
        conversation("WHEN do you open on market days in the old town", "we open at eight, and close at noon!"),
        conversation("Who may return a mattress that was slept on?", "Everybody may within a month, at no cost."),
        conversation("Who may return a mattress that was slept on??", "Nobody can, because of hygiene rules alone."),
        conversation("Can somebody call me back about the bill?", "We will write to anna.berg@gmail.com and"),
    ]
    file = tmp_path / "tone.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, file, "tone", "ada")
    made = scans.start(store, "tone", "ada")
    done(made)
    scans.catch_up(store)
    return scans.get(store, made.id)


def done(made):
    """The job as its process leaves it, run here: loading the detectors takes longer than looking."""
    folder = made.job.folder
    (folder / processes.FILE).write_text(json.dumps(judged.GONE))
    os.utime(folder / processes.FILE, (0, 0))
    events.append(folder, "end", state=jobs.DONE, **scan.run(folder))


def test_a_scan_finds_what_was_planted_and_a_correction_closes_it(store, planted):
    found = scans.open_counts(store, planted)
    assert found["duplicate"] == 1 and found["contradiction"] == 2
    assert found["truncated"] == 1 and found["personal"] == 1
    words = (planted.job.folder / scan.FINDINGS).read_text()
    assert "anna.berg" not in words  # places, never words
    (pair,) = scans.open_findings(store, planted, "duplicate")
    assert pair.body == {"how": "exact"}
    examples.edit(store, examples.get(store, "tone", pair.other), "ada", status="rejected")
    assert "duplicate" not in scans.open_counts(store, planted)
    # approving changes nothing of what was found, other words do
    (cut,) = scans.open_findings(store, planted, "truncated")
    seen = examples.edit(store, examples.get(store, "tone", cut.entry), "ada", status="in review")
    assert scans.open_counts(store, planted)["truncated"] == 1
    examples.edit(store, seen, "ada", messages=[*seen.messages[:-1], {"role": "assistant", "content": "We will call."}])
    assert {"truncated", "personal"}.isdisjoint(scans.open_counts(store, planted))
    assert scans.changed_since(store, planted) == 2
    assert health.look(store, "tone").changed == 2


def test_two_who_see_at_once_that_a_scan_is_done_take_its_findings_over_once(store, planted):
    once = scans.open_counts(store, planted)
    store_rows = store.rows
    with pytest.MonkeyPatch.context() as meanwhile:  # the second had asked before the first was through
        stale = [{**row, "summary": None} for row in store.rows("select * from scan")]
        meanwhile.setattr(
            store, "rows", lambda query, *values: stale if "summary is null" in query else store_rows(query, *values)
        )
        scans.catch_up(store)
    assert scans.open_counts(store, planted) == once
    assert len(scans.open_findings(store, planted, "duplicate")) == 1


def test_a_pair_that_may_stay_is_not_shown_again(store, planted):
    (pair,) = scans.open_findings(store, planted, "duplicate")
    scans.keep_both(store, "tone", pair.other, pair.entry, "ada")
    assert scans.open_findings(store, planted, "duplicate") == []
    (clash,) = nearness.contradictions(store, "tone")
    scans.keep_both(store, "tone", clash.entry, clash.other, "ada", why="two shops")
    assert nearness.contradictions(store, "tone") == []


def test_similar_examples_are_found_before_and_after_an_edit_without_another_scan(store, planted):
    best = nearness.similar(store, "tone", "somebody slept on the mattress", k=2)
    assert all("mattress" in one.example.prompt for one in best)
    seen = best[0].example
    examples.edit(store, seen, "ada", status="rejected")
    again = nearness.similar(store, "tone", "somebody slept on the mattress", k=1)
    assert again[0].entry == best[1].entry
    assert nearness.similar(store, "nowhere", "words") == []


def test_the_map_covers_every_example(store, planted):
    found = nearness.topics(store, "tone")
    assert found is not None and found.n == found.of == len(found.points) == 53


def test_a_second_scan_waits_for_the_first_and_an_empty_dataset_has_nothing_to_scan(store):
    with pytest.raises(Problem, match="no example to look at"):
        scans.start(store, "nothing", "ada")
    examples.write(store, "tone", SAID[0]["messages"], "ada")
    scans.start(store, "tone", "ada")
    with pytest.raises(Problem, match="being scanned already"):
        scans.start(store, "tone", "ada")


def test_500_careful_examples_beat_5000_noisy_ones():
    def judged(approved, value):
        return readiness.judge(
            approved, [Part("duplicates", "", value, 15, approved, ""), Part("x", "", None, 5, 0, "")]
        )

    careful, noisy, few = judged(500, 0.98), judged(5000, 0.5), judged(125, 0.98)
    assert careful.score == pytest.approx(98) and noisy.score == pytest.approx(50)
    assert few.score == pytest.approx(49)  # half of it: the square root of a quarter
    assert careful.known == 0.75
    assert few.next is not None and few.next.name == "enough" and few.next.gain == pytest.approx(49)
    assert readiness.judge(10, [Part("x", "", None, 5, 0, "")]).score is None
    assert readiness.falling(0.05, 0.1) == 0.5 and readiness.falling(0.4, 0.1) == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("...", "empty"), ("N/A", "empty"), ("Please wait until we have the", "truncated"),
        ("```python\nprint(1) and more here", "truncated"), ("where is my green lamp", "echo"),
    ],
)  # fmt: skip
def test_broken_answers_are_told_by_kind(answer, kind):
    assert [flaw.kind for flaw in flaws.find("Where is my green lamp?", answer)] == [kind]


def test_whole_answers_are_left_alone():
    for answer in ("Yes", "account / details", "It is on its way.", "Look here: https://example.org/a"):
        assert flaws.find("Where is my green lamp?", answer) == []


def test_another_label_for_the_same_words_is_a_contradiction():
    def row(at, asked, label):
        said = [{"role": "user", "content": asked}, {"role": "assistant", "content": label}]
        return subjects.of(str(at), "approved", (), said)

    rows = [row(at, f"What about the {c} lamp, is it bright?", "light") for at, c in enumerate(COLOURS * 3)]
    rows += [
        row(90, "the parcel never came to my house", "lost"),
        row(91, "The parcel never came to my house!", "late"),
    ]
    found = contradictions.find(rows, embedding.lexical([one.gist for one in rows]))
    assert [(rows[pair.first].entry, rows[pair.second].entry) for pair in found] == [("90", "91")]
