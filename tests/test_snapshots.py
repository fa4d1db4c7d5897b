"""Freezing: who goes where and stays there, the locked test set, and what two snapshots differ in."""

import ast
import json
import random
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.conversations import SPLITS
from engine.problems import Problem
from engine.scoring import stats
from studio import sample
from studio.data import datasets, examples
from studio.folders import CODE
from studio.freezing import placements, snapshots, splits
from studio.freezing.splits import Member, Plan
from tests.conftest import conversation

# who goes where


def grow(batches: list[list[Member]], plan: Plan) -> list[dict[str, str]]:
    """The sides after each batch, each freeze keeping what the earlier ones decided."""
    kept: dict[str, str] = {}
    held: list[Member] = []
    told = []
    for batch in batches:
        held += batch
        seen = [Member(m.entry, m.labels, m.settled, kept.get(m.entry, ""), m.stratum, m.when) for m in held]
        decision = splits.decide(seen, plan, kept)
        kept |= {key: side for key, side in decision.fresh.items() if key not in kept}
        told.append(decision.sides)
    return told


def members(seed: int, n: int, groups: int = 0, strata: int = 1, start: int = 0) -> list[Member]:
    chance = random.Random(seed)
    return [
        Member(
            f"e{start + k}",
            (f"group:g{chance.randrange(groups)}",) if groups else (),
            settled=chance.choice(["", "", "", *SPLITS]) if seed % 3 == 0 and not groups else "",
            stratum=f"s{min(chance.randrange(strata), chance.randrange(strata))}",
            when=f"2026-{chance.randrange(1, 13):02d}-05",
        )
        for k in range(n)
    ]


PLANS = (
    Plan(),
    Plan(splits.STRATIFIED, by="topic:"),
    Plan(splits.GROUPED, by=splits.GROUP, test=0.3, validation=0.2),
    Plan(splits.TIME, validation_from="2026-08-01", test_from="2026-10-01"),
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(0, 60), min_size=2, max_size=4),
    groups=st.sampled_from([0, 3, 20]),
    plan=st.sampled_from(PLANS),
)
def test_no_example_moves_as_a_dataset_grows_and_no_group_is_torn(seed, sizes, groups, plan):
    batches = [members(seed + k, n, groups, 5, sum(sizes[:k])) for k, n in enumerate(sizes)]
    told = grow(batches, plan)
    for before, after in pairwise(told):
        assert all(after[entry] == side for entry, side in before.items())
    where = defaultdict(set)
    for member in (member for batch in batches for member in batch):
        for label in member.labels:
            where[label].add(told[-1][member.entry])
    assert all(len(sides) == 1 for sides in where.values())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 200), min_size=1, max_size=4))
def test_each_stratum_keeps_its_shares_as_it_grows(seed, sizes):
    seed = seed * 3 + 1  # no side settled by its source
    batches = [members(seed + 3 * k, n, 0, 4, sum(sizes[:k])) for k, n in enumerate(sizes)]
    sides = grow(batches, Plan(splits.STRATIFIED, by="topic:"))[-1]
    held = [member for batch in batches for member in batch]
    counts = Counter((member.stratum, sides[member.entry]) for member in held)
    for stratum, n in Counter(member.stratum for member in held).items():
        for split, share in zip(SPLITS, (0.75, 0.1, 0.15), strict=True):
            assert abs(counts[stratum, split] - share * n) < 2


def test_integers_are_given_out_so_that_many_small_strata_still_make_a_test_set():
    found = splits.targets({f"label {k}": 2 for k in range(500)}, Plan(splits.STRATIFIED, by="answer"))
    assert [sum(row[k] for row in found.values()) for k in range(3)] == [750, 100, 150]
    assert all(sum(row) == 2 for row in found.values())
    assert splits.targets({"": 100}, Plan()) == {"": [75, 10, 15]}


def test_a_group_that_its_source_settled_takes_its_others_along():
    found = splits.decide([Member("a", ("group:x",), settled="test"), Member("b", ("group:x",))], Plan())
    assert found.sides == {"a": "test", "b": "test"} and found.torn == []


def test_when_two_groups_turn_out_to_be_one_nothing_moves_and_it_is_said():
    first = [Member(f"a{k}", ("group:a",), placed="train") for k in range(3)]
    second = [Member("b0", ("group:b",), placed="test")]
    joining = [Member("c", ("group:a", "group:b"))]
    found = splits.decide([*first, *second, *joining], Plan(), {"group:a": "train", "group:b": "test"})
    assert found.sides == {"a0": "train", "a1": "train", "a2": "train", "b0": "test", "c": "train"}
    assert found.torn == [("a0", "a1", "a2", "b0", "c")]


def test_a_group_whose_examples_are_gone_still_has_its_side():
    kept = splits.decide([Member("a", ("group:x",))], Plan()).fresh
    assert kept.keys() == {"a", "group:x"}
    for plan in PLANS:
        new = splits.decide([Member("b", ("group:x",), when="2026-11-01")], plan, {"group:x": "validation"})
        assert new.sides == {"b": "validation"}


def test_a_later_date_moves_nothing_that_was_placed():
    held = [Member("old", when="2026-01-05"), Member("new", when="2026-11-05")]
    first = splits.decide(held, Plan(splits.TIME, test_from="2026-10-01"))
    assert first.sides == {"old": "train", "new": "test"}
    again = [Member(m.entry, placed=first.sides[m.entry], when=m.when) for m in held]
    later = splits.decide([*again, Member("newer", when="2026-11-20")], Plan(splits.TIME, test_from="2026-12-01"))
    assert later.sides == {"old": "train", "new": "test", "newer": "train"}


def test_what_is_left_out_leaves_training_but_never_the_test():
    held = [Member("a", placed="train"), Member("b", placed="test"), Member("c", placed="validation")]
    found = splits.decide(held, Plan(exclude=("a", "b", "c", "gone")))
    assert found.sides == {"b": "test"} and found.excluded == ("a", "c")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "alphabet"}, "There is no plan 'alphabet'"),
        ({"test": 0.6, "validation": 0.4}, "leave nothing to learn from"),
        ({"kind": "time"}, "has no date"),
        ({"kind": "time", "test_from": "2026-01-01", "validation_from": "2026-02-01"}, "after the test"),
        ({"kind": "grouped"}, "what stays together"),
        ({"kind": "stratified"}, "what to hold even"),
    ],
)
def test_a_plan_that_makes_no_sense_says_so(given, words):
    with pytest.raises(Problem, match=words) as raised:
        Plan(**given)
    print(raised.value)


# frozen


@pytest.fixture
def fill(store, tmp_path: Path):
    def bring(name: str, *rows: dict, **more: str) -> None:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        datasets.bring_in(store, path, "tone", "ada", **more)

    return bring


def sides(store, id: str) -> dict[str, str]:
    return {row["id"]: split for split in SPLITS for row in snapshots.examples(store, id, split)}


def asked(n: int, **more) -> list[dict]:
    return [conversation(f"Where is cup {k}?", f"Cup {k} is on its way.", **more) for k in range(n)]


def test_the_sample_project_freezes_to_the_bytes_it_always_froze_to(store):
    sample.load(store, "ada")
    assert [frozen.id for frozen in sample.freeze(store, "ada")] == ["55a7f11bf709dd1f", "192a3cfaca2f54e2"]


def test_by_default_a_side_still_follows_from_the_hash(store, fill):
    fill("a", *asked(60), *(conversation(f"{k}?", "Yes.", group=f"g{k % 7}") for k in range(40)))
    frozen = sides(store, snapshots.freeze(store, "tone", "ada").id)
    rows = store.rows("select id, entry, grouped_by from example")
    assert frozen == {row["id"]: splits.side(row["grouped_by"] or row["entry"]) for row in rows}


def test_a_home_from_before_sides_were_kept_keeps_them(store, fill):
    fill("a", *asked(80))
    before = snapshots.freeze(store, "tone", "ada")
    was = sides(store, before.id)
    with store.jot() as cursor:
        cursor.execute("delete from placement")
        cursor.execute("update snapshot set plan = '{}'")
    assert snapshots.get(store, before.id).how == Plan() and snapshots.get(store, before.id).new is None
    fill("b", *(conversation(f"Why {k}?", "Because.") for k in range(80)))
    now = sides(store, snapshots.freeze(store, "tone", "ada", Plan(splits.GROUPED, by="source", test=0.5)).id)
    assert len(now) == 160 and all(now[id] == side for id, side in was.items())


def test_an_edited_entry_keeps_its_side(store, fill):
    fill("a", *asked(40))
    was = sides(store, snapshots.freeze(store, "tone", "ada").id)
    for one in examples.find(store, "tone")[0]:
        new = [one.messages[0], {"role": "assistant", "content": f"{one.answer} Promise."}]
        edited = examples.edit(store, one, "bo", messages=new)
        was[edited.id] = was.pop(one.id)
    plan = Plan(splits.STRATIFIED, by="answer", test=0.4)
    with pytest.raises(Problem, match="are not labels"):
        snapshots.freeze(store, "tone", "ada", plan)
    assert sides(store, snapshots.freeze(store, "tone", "ada", Plan(test=0.4)).id) == was


def test_labels_are_held_even(store, fill):
    fill("a", *(conversation(f"Ticket {k}", "late" if k % 5 else "broken") for k in range(100)))
    plan = Plan(splits.STRATIFIED, by="answer", test=0.2, validation=0.1)
    decision = placements.decide(store, "tone", plan)
    assert decision.strata == {
        "broken": {"train": 14, "validation": 2, "test": 4},
        "late": {"train": 56, "validation": 8, "test": 16},
    }
    frozen = snapshots.freeze(store, "tone", "ada", plan)
    assert (frozen.train, frozen.validation, frozen.test) == (70, 10, 20)
    assert frozen.how == plan and frozen.new == 100


def test_examples_of_one_customer_and_look_alikes_stay_together(store, fill):
    rows = [conversation(f"Question {k} about the weather", f"{k}", tags=[f"customer:{k % 9}"]) for k in range(90)]
    fill("a", *rows)
    found = snapshots.freeze(store, "tone", "ada", Plan(splits.GROUPED, by="customer:", test=0.3))
    per_side = [{tag for row in snapshots.examples(store, found.id, s) for tag in row["tags"]} for s in SPLITS]
    assert sum(map(len, per_side)) == 9 and found.test > 0


def test_near_duplicates_never_part(store, fill):
    words = "please could you tell me when the blue kettle that was ordered on the website will finally arrive".split()
    rows = []
    for k in range(12):
        base = " ".join(random.Random(k).sample(words, len(words))) + f" dear team {'abcdefghijkl'[k]}{k}"
        rows += [conversation(base, f"Soon {k}."), conversation(base.upper() + "!", f"Very soon {k}.")]
    fill("a", *rows)
    found = snapshots.freeze(store, "tone", "ada", Plan(look_alikes=True, test=0.3))
    where = defaultdict(set)
    for split in SPLITS:
        for row in snapshots.examples(store, found.id, split):
            where[row["messages"][0]["content"].lower().rstrip("!")].add(split)
    assert len(where) == 12 and all(len(found) == 1 for found in where.values())


def test_examples_without_a_date_are_named_not_guessed(store, fill):
    fill("a", *asked(3, tags=["date:2026-03-01"]), conversation("When?", "Now."))
    with pytest.raises(Problem, match="1 of 4 examples have no date"):
        snapshots.freeze(store, "tone", "ada", Plan(splits.TIME, by="date:", test_from="2026-01-01"))


def test_who_freezes_at_the_same_moment_is_told_and_nothing_half_made_stays(store, fill, monkeypatch):
    fill("a", *asked(30))
    decide = placements.decide

    def slow(*given):
        found = decide(*given)
        with store.jot() as cursor:  # meanwhile, from another browser
            placements.keep(cursor, "tone", splits.Decision({}, dict.fromkeys(found.fresh, "test"), [], ()))
        return found

    monkeypatch.setattr(placements, "decide", slow)
    with pytest.raises(Problem, match="froze tone at the same moment"):
        snapshots.freeze(store, "tone", "ada")
    assert list(store.home.snapshots.iterdir()) == [] and snapshots.listed(store) == []


def test_lines_that_break_in_the_middle_of_a_word_are_read_whole(store, fill):
    fill("a", conversation("One\u2028two\x85three", "Yes.", split="train"))
    frozen = snapshots.freeze(store, "tone", "ada")
    assert snapshots.examples(store, frozen.id, "train")[0]["messages"][0]["content"] == "One\u2028two\x85three"


# the locked test set


def test_a_look_at_the_test_set_needs_a_reason_and_leaves_a_trace(store, full):
    with pytest.raises(Problem, match="The test set is locked"):
        snapshots.look(store, full.snapshot, "test", "ada", "  ")
    assert snapshots.looks(store, full.snapshot) == []
    found = snapshots.look(store, full.snapshot, "test", "ada", "checking a label")
    assert found == snapshots.examples(store, full.snapshot, "test")
    (look,) = snapshots.looks(store, full.snapshot)
    assert (look.made_by, look.why, look.how, look.n) == ("ada", "checking a label", "page", len(found))
    snapshots.look(store, full.snapshot, "train", "ada", "")
    assert len(snapshots.looks(store, full.snapshot)) == 1


def test_nothing_reads_a_frozen_side_past_the_lock():
    """`examples` shows nobody a test row in these; everybody else asks `look`."""
    allowed = {
        "studio/freezing/snapshots.py",
        "studio/freezing/leaks.py",
        "studio/freezing/changes.py",
        "studio/judging/sources.py",
        "studio/judging/commission.py",  # the labels that a model could learn
        "studio/freezing/exports.py",
    }
    allowed |= {
        "studio/freezing/contents.py",
        "studio/ui/frozen.py",
    }  # the one counts what it finds, the other asks why first
    readers = set()
    for folder in ("studio", "pages"):
        for path in (CODE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if called in ("snapshots.examples", "snapshots.path") and "'test'" in ast.unparse(node):
                    readers.add(path.relative_to(CODE).as_posix())
                if called in ("snapshots.examples", "snapshots.each"):
                    readers.add(path.relative_to(CODE).as_posix())
    assert readers <= allowed


# the smallest difference


@pytest.mark.parametrize(
    ("visible", "discordant", "n"),
    [(0.03, 0.08, 696), (0.03, 0.20, 1742), (0.05, 0.15, 469), (0.10, 0.20, 155), (0.23, 0.29, 41)],
)
def test_the_smallest_difference_is_the_inverse_of_the_items_needed(visible, discordant, n):
    """The table of paired sample sizes for alpha .05 and power .8 (Connor 1987)."""
    assert stats.items_needed(visible, discordant) == n
    found = stats.smallest_visible(n, discordant)
    assert found is not None and found == pytest.approx(visible, abs=0.0015)
