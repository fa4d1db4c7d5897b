"""What an evaluation has found: sought, opened, cut, compared with other evaluations, and taken out."""

import csv
import io
import json
import random
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from engine import events, jobs, specs
from engine.problems import Problem
from engine.scoring import metrics, stats
from engine.scoring.evaluate import EvaluateSpec
from studio.building import candidates
from studio.judging import between, evaluations, exports, figures, reports, results, slices
from studio.judging.results import Sought
from studio.reading import libraries
from tests import judged


def scored(candidate, item, text, *names):
    """An answer with the scores that reading it gives."""
    found = {name: metrics.score(name, text, item) for name in names}
    scores = {name: {"value": one.value, "why": one.why, "detail": one.detail} for name, one in found.items()}
    return judged.answer(candidate, item["id"], text, scores=scores)


@pytest.fixture
def pair(store):
    return judged.two(store)


@pytest.fixture
def found(store, pair):
    """Five items: plain is right on 0, 1; tuned on 1, 2, 3; plain's call on item 4 failed, tuned's is not known."""
    plain, tuned = pair
    right = {plain.id: (1, 1, 0, 0), tuned.id: (0, 1, 1, 1)}
    lines = [
        judged.answer(who, f"i{n:03}", f"{who.name} says {n}%", scores=judged.right(float(value)))
        for who in pair
        for n, value in enumerate(right[who.id])
    ]
    lines.append(judged.answer(plain, "i004", error="The server ended."))
    lines.append(judged.answer(tuned, "i004", "what?", scores=judged.right(None)))
    return judged.evaluation(store, judged.items(5), lines)


def items(store, found, **sought):
    return [row["item"] for row in results.find(store, found.id, Sought("facts", **sought)).rows]


def test_what_an_opened_answer_quotes_leads_to_its_library(store):
    libraries.add(store, "manual", {"cups.md": "# Cups\n\nThe warranty is 24 months."}, "ada")
    _, reader = judged.two(store, library="manual")
    passage = {"text": "The warranty is 24 months.", "source": "cups.md", "score": 1.0}
    made = judged.evaluation(store, judged.items(1), [judged.answer(reader, "i000", "24 [1]", passages=[passage])])
    [reply] = results.opened(store, made.id, "i000").replies
    assert reply.passages == [{"library": "manual", **passage}]


def test_items_come_worst_first_and_what_has_no_score_last(store, found, pair):
    assert items(store, found) == ["i000", "i002", "i003", "i001", "i004"]
    assert items(store, found, candidate=pair[0].id) == ["i002", "i003", "i000", "i001", "i004"]


def test_items_are_filtered_by_outcome_by_words_and_by_slice(store, found, pair):
    plain, tuned = (one.id for one in pair)
    assert items(store, found, candidate=tuned, show="wrong") == ["i000"]
    assert items(store, found, candidate=plain, show="right") == ["i000", "i001"]
    assert items(store, found, show="differ") == ["i000", "i002", "i003"]
    assert items(store, found, show="failed") == ["i004"] and items(store, found, candidate=tuned, show="failed") == []
    assert items(store, found, candidate=tuned, show="unknown") == ["i004"]
    assert items(store, found, text="WARRANTY 3") == ["i003"] and items(store, found, text="says 3%") == ["i003"]
    assert items(store, found, text="%") == items(store, found)[:4] and items(store, found, text="1_") == []
    assert items(store, found, items=["i001", "i003"]) == ["i003", "i001"] and items(store, found, items=[]) == []


def test_the_ways_to_show_items_say_how_many_there_are(store, found, pair):
    counts = results.counts(store, found.id, Sought("facts", pair[0].id))
    assert counts == {"all": 5, "wrong": 2, "right": 2, "differ": 3, "failed": 1}


def test_a_page_holds_no_more_than_asked_and_says_how_many_there_are(store, found):
    page = results.find(store, found.id, Sought("facts"), limit=2, offset=2)
    assert [row["item"] for row in page.rows] == ["i003", "i001"] and page.n == 5
    assert page.rows[0]["prompt"] == "How long is warranty 3?" and page.rows[0]["expected"] == "3 months"


def test_each_row_has_the_value_of_every_candidate(store, found, pair):
    plain, tuned = (one.id for one in pair)
    rows = {row["item"]: row["values"] for row in results.find(store, found.id, Sought("facts")).rows}
    assert rows["i000"] == {plain: 1.0, tuned: 0.0} and rows["i004"] == {plain: "failed", tuned: None}


def test_an_opened_item_shows_every_answer_with_what_its_scores_are_made_of(store, pair):
    item = judged.items(1)[0]
    made = judged.evaluation(store, [item], [scored(who, item, "0 months", "facts", "chrf") for who in pair])
    opened = results.opened(store, made.id, "i000")
    assert [reply.name for reply in opened.replies] == ["plain", "tuned"] and opened.body["answer"] == "0 months"
    assert opened.replies[0].scores["chrf"]["detail"]["counts"] and opened.replies[0].scores["facts"]["value"] == 1
    with pytest.raises(Problem, match="no item i999"):
        results.opened(store, made.id, "i999")


# figures


def test_a_metric_that_is_no_share_has_the_interval_and_the_difference_of_a_mean(store, pair):
    plain, tuned = pair
    asked = judged.items(12)
    lines = [scored(plain, item, "It is a warranty.", "chrf") for item in asked]
    lines += [scored(tuned, item, item["answer"] + "?" * (n % 3), "chrf") for n, item in enumerate(asked)]
    made = judged.evaluation(store, asked, lines, metrics=("chrf",))
    best, _ = reports.frontier(store, made.id, "chrf")
    assert best.name == "tuned" and best.said.endswith("n = 12)") and "%" not in best.said
    assert 0.5 < reports.differences(store, made.id, "chrf", plain.id)[tuned.id].value < 1
    (whole,) = figures.figures(store, made.id, "chrf")[tuned.id]
    assert whole.name == "corpus chrF2++" and "nc:6|nw:2" in whole.signature


def test_where_lower_is_better_the_lowest_leads_and_the_worst_is_highest(store, pair):
    lines = [
        judged.answer(who, f"i{n:03}", "x", scores=judged.right(value + n, "perplexity"))
        for who, value in zip(pair, (9.0, 2.0), strict=True)
        for n in range(4)
    ]
    made = judged.evaluation(store, judged.items(4), lines, metrics=("perplexity",))
    assert [line.name for line in reports.frontier(store, made.id, "perplexity")] == ["tuned", "plain"]
    assert results.find(store, made.id, Sought("perplexity")).rows[0]["item"] == "i003"


def test_candidates_that_are_equally_good_keep_the_order_in_which_they_were_chosen(store, pair):
    more = [candidates.add(store, f"plain {n}", "starter", "ada", system=f"{n}") for n in range(4)]
    for chosen in ([*pair, *more], [*reversed(more), *reversed(pair)]):
        lines = [judged.answer(who, "i000", "x", scores=judged.right(0.0)) for who in chosen]
        made = judged.evaluation(store, judged.items(1), lines)
        for _ in range(3):
            assert [one.candidate for one in reports.frontier(store, made.id, "facts")] == [who.id for who in chosen]


def test_labels_have_a_confusion_and_figures_over_all_answers(store, pair):
    asked = [item | {"label": label} for item, label in zip(judged.items(4), ["a / x", "a / y", "b", "b"], strict=True)]
    lines = [
        scored(pair[0], item, text, "label") for item, text in zip(asked, ["a / x", "a / x", "b", "?!b"], strict=True)
    ]
    made = judged.evaluation(store, asked, lines, metrics=("label",))
    found = {one.name: one.estimate() for one in figures.figures(store, made.id, "label")[pair[0].id]}
    assert found["level 1"].value == 0.75 and found["level 2"].value == 0.5 and found["no label"].value == 0.25
    confused = figures.confused(store, made.id, "label", pair[0].id)
    assert confused.majority.value == 0.5 and confused.mistakes()[0] == ("a / y", "a / x", 1)
    assert figures.confused(store, made.id, "facts", pair[0].id) is None


def test_mistakes_of_several_answers_to_an_item_promise_no_more_than_its_items(store, pair):
    asked = [item | {"label": label} for item, label in zip(judged.items(12), "ab" * 6, strict=True)]
    lines = [
        judged.answer(pair[0], item["id"], "a", repeat=n, scores=judged.right(float(item["label"] == "a"), "label"))
        for item in asked
        for n in range(3)
    ]
    once = judged.evaluation(store, asked, lines[::3], metrics=["label"])
    thrice = judged.evaluation(store, asked, lines, metrics=["label"])
    few, many = (figures.confused(store, made.id, "label", pair[0].id).accuracy for made in (once, thrice))
    assert (few.counted, many.counted) == ("12", "36 of 12 questions")
    assert many.low <= few.low < 0.5 < few.high <= many.high


# slices


def sliced(store, pair, n=60):
    """`tuned` is always wrong where an item is tagged odd, and right elsewhere; `plain` is right throughout."""
    plain, tuned = pair
    asked = [item | {"tags": ["odd" if at % 3 == 0 else "even", f"t{at}"]} for at, item in enumerate(judged.items(n))]
    lines = [judged.answer(plain, item["id"], "x", scores=judged.right(1.0)) for item in asked]
    lines += [
        judged.answer(tuned, item["id"], "x", scores=judged.right(float("even" in item["tags"]))) for item in asked
    ]
    return judged.evaluation(store, asked, lines)


def test_a_slice_that_stands_out_is_told_from_those_that_chance_would_make(store, pair):
    plain, tuned = pair
    made = sliced(store, pair)
    rows, _ = slices.table(store, made.id, "facts", tuned.id, "tag", plain.id)
    odd = rows[0]
    assert (odd.name, odd.found.value, odd.found.n) == ("odd", 0.0, 20)
    assert odd.apart == stats.unpaired(stats.share(40, 40), stats.share(0, 20)) and odd.apart.value == -1
    assert odd.stands_out is True and odd.changed is True and odd.change.value == -1
    assert len(odd.items) == 20
    even = next(row for row in rows if row.name == "even")
    assert even.changed is False and even.change.value == 0


def test_a_small_slice_says_so_and_is_not_tested(store, pair):
    rows, _ = slices.table(store, sliced(store, pair).id, "facts", pair[1].id, "tag", pair[0].id)
    small = [row for row in rows if row.found.n < slices.FEW]
    assert small and all(row.stands_out is None and row.changed is None for row in small)
    assert rows.index(small[0]) == 2  # behind those that say something


def test_many_slices_of_nothing_but_chance_hardly_ever_stand_out():
    chance = random.Random(4)
    fooled = sum(any(slices.beyond_chance([chance.random() for _ in range(20)])) for _ in range(300))
    assert fooled / 300 < 0.15  # a look at each p alone would be fooled in two of three
    assert slices.beyond_chance([0.001, None, 0.9]) == [True, None, False]


def test_lengths_are_cut_into_quarters_and_languages_by_name(store, pair):
    texts = ["Wo ist denn meine neue Lampe geblieben?", "Where on earth is my new lamp now, please?"]
    asked = [
        {"id": f"i{n:03}", "messages": [{"role": "user", "content": texts[n % 2] + "!" * n}], "answer": "a" * (n + 1)}
        for n in range(40)
    ]
    made = judged.evaluation(store, asked, [judged.answer(pair[0], "i000", "x", scores=judged.right(1.0))])
    assert [len(ids) for ids in slices.cut(store, made.id, "answer length").values()] == [10, 10, 10, 10]
    assert next(iter(slices.cut(store, made.id, "answer length"))) == "1 to 10 characters"
    assert {name: len(ids) for name, ids in slices.cut(store, made.id, "language").items()} == {
        "German": 20,
        "English": 20,
    }
    assert "label" not in slices.kinds(store, made.id) and "question length" in slices.kinds(store, made.id)


# between evaluations


def test_any_two_runs_are_compared_over_the_items_that_they_share(store, pair, found):
    plain, tuned = pair
    asked = judged.items(8)[2:]  # 2, 3 and 4 are shared; 3 is expected to say something else now
    asked[1] = asked[1] | {"answer": "quite another"}
    later = judged.evaluation(
        store, asked, [judged.answer(tuned, item["id"], "x", scores=judged.right(1.0)) for item in asked], name="later"
    )
    (partner,) = between.partners(store, found.id, "facts")
    assert (partner.name, partner.shared, partner.candidates) == ("later", 3, {tuned.id: "tuned"})
    told = between.between(store, (found.id, plain.id), (later.id, tuned.id), "facts")
    assert (told.shared, told.only_first, told.only_second, told.changed) == (1, 2, 4, 1)
    assert (told.first.value, told.second.value, told.difference.value) == (0.0, 1.0, 1.0)


def test_an_evaluation_that_asked_each_item_twice_is_compared_with_one_that_asked_once(store, pair, found):
    plain, tuned = pair
    twice = [
        judged.answer(tuned, item["id"], "x", repeat=n, scores=judged.right(float(n)))
        for item in judged.items(4)
        for n in range(2)
    ]
    later = judged.evaluation(store, judged.items(4), twice, name="twice")
    for first, second in (((found.id, plain.id), (later.id, tuned.id)), ((later.id, tuned.id), (found.id, plain.id))):
        told = between.between(store, first, second, "facts")
        assert {told.first.value, told.second.value, told.difference.value} == {0.5, 0.0} and told.shared == 4
        assert not told.scale.yes_no


def test_a_comparison_says_when_another_judge_or_another_style_guide_scored_the_two(store, pair):
    def made(metric, **more):
        line = judged.answer(pair[0], "i000", "x", scores=judged.right(1.0, metric))
        return judged.evaluation(store, judged.items(1), [line], metrics=[metric], **more).id

    one, two = (made("faithfulness", judge=judge) for judge in ("starter", "playful"))
    assert between.otherwise(store, one, two, "faithfulness") == "starter judged there, playful here"
    assert not between.otherwise(store, one, two, "facts") and not between.otherwise(store, one, one, "faithfulness")
    first, second = made("tone"), made("tone")
    assert not between.otherwise(store, first, second, "tone")
    folder = evaluations.get(store, second).job.folder
    specs.write(folder, replace(specs.read(folder, EvaluateSpec), guide="/guides/later.json"))
    assert between.otherwise(store, first, second, "tone") == "the style guide was another there"


# taken out


def test_a_spreadsheet_gets_every_answer_and_no_formula(store, pair):
    lines = [
        judged.answer(pair[0], "i000", '=HYPERLINK("http://x")', scores=judged.right(0.0, why="-1+1")),
        judged.answer(pair[0], "i001", error="The server ended."),
        judged.answer(pair[0], "i002", "2 months", kept=True),
    ]
    made = judged.evaluation(store, judged.items(3), lines)
    data = exports.write(store, made.id, exports.CSV, "ada")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0]["answer"].startswith("'=HYPERLINK") and rows[0]["facts_why"] == "'-1+1" and rows[0]["facts"] == "0.0"
    assert rows[1]["failed_because"] == "The server ended." and rows[1]["facts"] == ""
    assert [row["taken_from_earlier"] for row in rows] == ["", "", "yes"]  # its seconds are those of then
    (event,) = store.rows("select made_by, detail->>'form' as form from event where verb = 'evaluation.export'")
    assert event == {"made_by": "ada", "form": "csv"}


def test_parquet_and_jsonl_hold_the_same_answers_with_their_kinds(store, found):
    table = pq.read_table(io.BytesIO(exports.write(store, found.id, exports.PARQUET, "ada")))
    lines = [json.loads(line) for line in exports.write(store, found.id, exports.JSONL, "ada").splitlines()]
    assert table.num_rows == len(lines) == 10
    assert str(table.schema.field("facts").type) == "double" and table["facts"].null_count == 2
    assert lines[0]["messages"][0]["role"] == "user" and lines[0]["held_against"]["answer"] == "0 months"
    assert lines[0]["scores"]["facts"]["value"] == table["facts"][0].as_py()


def test_figures_leave_as_json_with_their_n_intervals_and_differences(store, found, pair):
    plain, tuned = (one.id for one in pair)
    told = json.loads(exports.write(store, found.id, exports.FIGURES, "ada"))
    assert told["metrics"]["facts"]["figures"][tuned] | {"low": 0, "high": 0} == {
        "value": 0.75, "low": 0, "high": 0, "n": 4, "of": "", "failed": 0,
    }  # fmt: skip
    assert told["metrics"]["facts"]["differences"][tuned]["n"] == 4 and told["baseline"] == plain
    assert told["evaluation"]["state"] == "done" and told["evaluation"]["answers"] == {"asked": 10, "of": 10}


def test_one_answer_that_varies_takes_no_interval_from_a_candidate_that_is_wrong_everywhere(store, pair):
    plain, tuned = pair
    lines = [
        judged.answer(who, f"i{n:03}", f"{n} {repeat}", repeat=repeat, scores=judged.right(value))
        for n in range(10)
        for repeat in range(2)
        for who, value in ((plain, 0.0), (tuned, 1.0 if n else float(repeat)))
    ]
    made = judged.evaluation(store, judged.items(10), lines)
    wrong, varied = (figures.estimate(store, made.id, one.id, "facts") for one in pair)
    assert str(wrong) == str(stats.share(0, 10)) == "0 % (0-28, n = 10)"
    assert varied.value == pytest.approx(0.95) and varied.low is not None


def test_figures_that_leave_before_everything_was_asked_say_so(store, found):
    events.append(found.job.folder, "progress", done=4, of=10, seconds_left=6)
    events.append(found.job.folder, "end", state=jobs.STOPPED)
    told = json.loads(exports.write(store, found.id, exports.FIGURES, "ada"))["evaluation"]
    assert (told["state"], told["answers"]) == ("stopped", {"asked": 4, "of": 10})


def test_nothing_is_exported_before_the_first_answer(store, pair):
    made = judged.evaluation(store, judged.items(1), [judged.answer(pair[0], "i000", "x")])
    with store.write("ada", "test", "x") as cursor:
        cursor.execute("delete from response")
    with pytest.raises(Problem, match="nothing to export yet"):
        exports.write(store, made.id, exports.CSV, "ada")
