"""Two people on one example: what fits is put together, what clashes is laid side by side, nothing is lost."""

import random

import pytest

from engine.problems import Problem
from studio.data import examples, merging
from studio.data.examples import Example
from studio.data.merging import Conflict, Merged, State
from studio.store import Store


def said(*turns: str, **more: object) -> State:
    """Turns as `u: words`, `a: words`, `s: words`."""
    roles = {"u": "user", "a": "assistant", "s": "system"}
    messages = [{"role": roles[turn[0]], "content": turn[3:]} for turn in turns]
    return State(messages, None, **{"tags": [], "note": "", "status": "draft", **more})  # type: ignore[arg-type]


def contents(state: State) -> list[str]:
    return [message["content"] for message in state.messages]


BASE = said("u: Where is my parcel?", "a: It is on the way. It comes on Tuesday.")


def test_different_words_of_one_answer_are_both_kept():
    mine = said("u: Where is my parcel?", "a: Hurrah! It is on the way. It comes on Tuesday.")
    theirs = said("u: Where is my parcel?", "a: It is on the way. It comes on Friday.")
    merged = merging.merge(BASE, mine, theirs)
    assert not merged.conflicts
    assert contents(merged.settled())[1] == "Hurrah! It is on the way. It comes on Friday."


def test_the_same_word_changed_twice_is_a_conflict_with_both_sides():
    mine = said("u: Where is my parcel?", "a: It is on the way. It comes on Monday.")
    theirs = said("u: Where is my parcel?", "a: It is on the way. It comes on Friday.")
    merged = merging.merge(BASE, mine, theirs)
    (conflict,) = merged.conflicts
    assert conflict.label == "Turn 2, assistant: you both changed it"
    assert contents(merged.settled(["mine"]))[1].endswith("Monday.")
    assert contents(merged.settled(["theirs"]))[1].endswith("Friday.")
    assert contents(merged.settled(["both"]))[1] == "It is on the way. It comes on Monday. Friday."


def test_neighbouring_words_changed_by_two_people_are_a_conflict_and_no_salad():
    merged = merging.merge(said("u: a", "a: red car"), said("u: a", "a: blue car"), said("u: a", "a: red bus"))
    assert len(merged.conflicts) == 1


def test_a_turn_added_by_one_and_edited_elsewhere_by_the_other_fit_together():
    mine = said("s: Be kind.", *turns(BASE))
    theirs = said("u: Where is my parcel, please?", "a: It is on the way. It comes on Tuesday.")
    assert contents(merging.merge(BASE, mine, theirs).settled()) == [
        "Be kind.",
        "Where is my parcel, please?",
        "It is on the way. It comes on Tuesday.",
    ]


def test_a_turn_that_one_removed_and_the_other_changed_is_a_conflict():
    long = said(*turns(BASE), "u: Thanks", "a: Gladly")
    theirs = said(*turns(BASE), "u: Thanks", "a: Gladly, petal")
    merged = merging.merge(long, BASE, theirs)
    assert [conflict.label for conflict in merged.conflicts] == ["Turn 3, assistant: you removed it, they changed it"]
    assert merged.settled(["theirs"]).messages[-1]["content"] == "Gladly, petal"


def test_both_adding_a_turn_at_one_place_asks_for_the_order():
    mine, theirs = said(*turns(BASE), "u: Thanks", "a: Gladly"), said(*turns(BASE), "u: Bye", "a: Bye")
    merged = merging.merge(BASE, mine, theirs)
    assert merged.conflicts[0].label == "You both added here"
    assert contents(merged.settled(["both"]))[2:] == ["Thanks", "Gladly", "Bye", "Bye"]


def test_tags_merge_as_sets():
    base, mine, theirs = (said("u: a", tags=tags) for tags in (["x", "y"], ["x", "y", "mine"], ["y", "theirs"]))
    assert merging.merge(base, mine, theirs).tags == ["y", "theirs", "mine"]


def test_status_and_weight_of_one_side_win_and_of_two_sides_clash():
    approved, rejected = said("u: a", status="approved"), said("u: a", status="rejected")
    draft = said("u: a")
    assert merging.merge(draft, approved, draft).status == "approved"
    assert isinstance(merging.merge(draft, approved, rejected).status, Conflict)
    light = State([{"role": "assistant", "content": "Hi there", "weight": 0}], None, [], "", "draft")
    other = State([{"role": "assistant", "content": "Hi"}], None, [], "", "draft")
    plain = State([{"role": "assistant", "content": "Hi there"}], None, [], "", "draft")
    assert merging.merge(plain, light, other).settled().messages == [
        {"role": "assistant", "content": "Hi", "weight": 0}
    ]


def test_what_only_one_side_changed_is_always_taken_and_equal_sides_never_clash():
    chance = random.Random(7)
    for _ in range(300):
        base, one = wild(chance), wild(chance)
        assert merging.merge(base, one, base).settled() == one
        assert merging.merge(base, base, one).settled().messages == one.messages
        assert merging.merge(base, one, one).settled().messages == one.messages


def test_no_word_that_somebody_added_is_lost_whatever_clashes():
    chance = random.Random(11)
    for _ in range(300):
        base = wild(chance)
        mine, theirs = grown(chance, base, "mine"), grown(chance, base, "theirs")
        merged = merging.merge(base, mine, theirs)
        choices = ["both" if conflict.both is not None else "mine" for conflict in merged.conflicts]
        kept = " ".join(contents(merged.settled(choices)))
        assert all(f"mine{n}" in kept and f"theirs{n}" in kept for n in range(2)), (base, mine, theirs, kept)


def test_what_changed_is_told_in_words():
    after = said("u: Where is it?", "a: It is on the way. It comes on Tuesday.", "u: Ta", "a: Ok", tags=["new"])
    assert merging.told(BASE, after) == [
        "changed turn 1",
        "added a turn of the user",
        "added a turn of the assistant",
        "added the tag new",
    ]
    assert merging.told(after, BASE)[1] == "removed a turn of the user"


@pytest.fixture
def first(store: Store) -> Example:
    return examples.write(store, "tone", BASE.messages, "ada", ("parcel",))


def test_who_saves_second_gets_both_changes_without_doing_anything(store, first):
    theirs = [BASE.messages[0], {"role": "assistant", "content": "It is on the way. It comes on Friday."}]
    examples.edit(store, first, "bo", messages=theirs, tags=[])
    mine = State(said("u: Where is my parcel, please?", BASE_ANSWER).messages, None, ["parcel"], "", "approved")
    saved = merging.save(store, first, mine, "ada")
    assert isinstance(saved, Example)
    assert (saved.version, saved.prompt, saved.answer) == (
        3,
        "Where is my parcel, please?",
        "It is on the way. It comes on Friday.",
    )
    assert (saved.tags, saved.status) == ([], "approved")


def test_a_clash_saves_nothing_and_comes_back(store, first):
    examples.edit(store, first, "bo", status="approved")
    mine = State(first.messages, None, ["parcel"], "", "rejected")
    merged = merging.save(store, first, mine, "ada")
    assert isinstance(merged, Merged) and merged.conflicts
    assert examples.get(store, "tone", first.entry).version == 2


def test_saving_what_is_saved_adds_no_version(store, first):
    assert merging.save(store, first, merging.state(first), "ada") == first


def test_what_breaks_a_rule_is_refused_and_not_tried_for_ever(store, first):
    with pytest.raises(Problem, match="cannot be saved yet"):
        merging.save(store, first, State([{"role": "user", "content": "?"}], None, [], "", "draft"), "ada")


BASE_ANSWER = "a: It is on the way. It comes on Tuesday."


def turns(state: State) -> list[str]:
    return [f"{message['role'][0]}: {message['content']}" for message in state.messages]


def wild(chance: random.Random) -> State:
    """Some turns of few words, so that likeness is common."""
    roles = chance.choices("ua", k=chance.randint(1, 5))
    return said(*(f"{role}: {' '.join(chance.choices('red blue car bus'.split(), k=4))}" for role in roles))


def grown(chance: random.Random, base: State, name: str) -> State:
    """Two new words somewhere."""
    messages = [dict(message) for message in base.messages]
    for n in range(2):
        message = chance.choice(messages)
        parts = message["content"].split(" ")
        parts.insert(chance.randint(0, len(parts)), f"{name}{n}")
        message["content"] = " ".join(parts)
    return State(messages, None, [], "", "draft")
