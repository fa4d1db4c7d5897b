"""Stand-ins for personal data: consistent, of the same kind, and reversible to the letter by whoever holds the key."""

import json
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from engine.data import utterances
from engine.privacy import personal
from engine.privacy.personal import Found
from engine.privacy.pseudonyms import Key, stand_in
from engine.problems import Problem
from studio import audit
from studio.data import datasets, examples
from studio.freezing import snapshots
from studio.freezing.contents import Contents
from studio.quality import privacy, pseudonyms
from tests.conftest import conversation, look, words
from tests.patience import LONG

ANN = "Mail ann.lee@acme.org or call me at +49 30 901820."
KINDS = [*personal.KINDS, "password"]


@st.composite
def texts_with_spans(draw):
    """Any text, also one full of stand-ins, with any spans, also overlapping ones and half a letter's marks."""
    piece = st.one_of(st.text(max_size=12), st.sampled_from([stand_in(k, "a b", n) for k in KINDS for n in (1, 2, 12)]))
    text = "".join(draw(st.lists(piece, max_size=8)))
    ends = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(ends, ends, st.sampled_from(KINDS)), max_size=5))
    return text, [Found(kind, min(a, b), max(a, b), 0.5, text[min(a, b) : max(a, b)]) for a, b, kind in spans]


@settings(max_examples=150, deadline=None)
@given(st.lists(texts_with_spans(), min_size=1, max_size=4))
def test_whoever_holds_the_key_gets_every_text_back_to_the_letter(cases):
    key = Key()
    beside = "\n".join(text for text, _ in cases)
    hidden = [key.hide(text, found, beside=beside) for text, found in cases]
    again = Key(json.loads(json.dumps(key.stand_ins)))
    assert [again.reveal(text) for text in hidden] == [text for text, _ in cases]


def test_the_same_words_get_the_same_stand_in_and_others_another():
    key = Key()

    def hide(text: str) -> str:
        return key.hide(text, personal.scan(text))

    assert hide("ann@acme.org wrote to bob@acme.org") == "customer1@example.org wrote to customer2@example.org"
    assert hide("bob@acme.org answered") == "customer2@example.org answered"


@pytest.mark.parametrize("kind", personal.KINDS)
def test_a_stand_in_keeps_its_form_and_is_nobodys(kind):
    original = "https://acme.com" if kind == "url" else "Ann Lee"
    made = [stand_in(kind, original, n) for n in range(1, 1200)]
    assert len(set(made)) == len(made)
    if kind != "name":  # a made-up name looks like any other
        assert personal.scan(f"My number: {made[6]} please") == []


def test_what_a_conversation_says_is_rewritten_and_its_structure_is_not():
    said = [
        {"role": "user", "content": "ann"},
        {"role": "assistant", "tool_calls": [{"id": "ann", "function": {"name": "ann", "arguments": '{"a": "ann"}'}}]},
        {"role": "tool", "content": "ann", "tool_call_id": "ann", "name": "ann"},
    ]
    assert list(utterances.texts(said)) == ["ann", '{"a": "ann"}', "ann"]
    changed = utterances.rewritten(said, str.upper)
    assert changed[1]["tool_calls"][0] == {"id": "ann", "function": {"name": "ann", "arguments": '{"A": "ANN"}'}}
    assert said[0]["content"] == "ann"


@pytest.fixture
def letters(store, tmp_path):
    """Three examples, two of which name somebody."""
    rows = [
        conversation(ANN, "Thanks, Ann!"),
        conversation("Where is my cup?", "On its way to ann.lee@acme.org."),
        conversation("Hello?", "Hello!"),
    ]
    file = tmp_path / "letters.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, file, "letters", "ada")
    return store


def all_of(store):
    return examples.find(store, "letters")[0]


def test_a_preview_writes_nothing(letters):
    seen = pseudonyms.preview(letters, all_of(letters))
    assert str(seen) == "2 e-mail addresses, 1 phone number in 2 examples of letters get stand-ins."
    assert not pseudonyms.exists(letters, "letters")
    assert {example.version for example in all_of(letters)} == {1}


def test_replacing_adds_a_version_each_and_one_event_that_names_nothing(letters):
    before = {example.entry: example for example in all_of(letters)}
    done = pseudonyms.replace(letters, pseudonyms.preview(letters, before.values()), "ada")
    assert (done.examples, done.overtaken) == (2, [])
    after = all_of(letters)
    assert [example.version for example in after] == [2, 2, 1]
    assert [example.entry for example in after] == list(before)
    assert after[0].prompt == "Mail customer1@example.org or call me at +1 202-555-0100."
    assert after[1].answer == "On its way to customer1@example.org."
    assert (after[0].status, after[0].source, after[0].line) == ("approved", "letters.jsonl", 1)
    assert examples.history(letters, "letters", after[0].entry)[1].prompt == ANN  # the past still says it
    (event,) = [event for event in audit.listed(letters) if event.verb == "dataset.pseudonyms"]
    assert event.detail == {"examples": 2}
    for old in before.values():
        (new,) = [example for example in after if example.entry == old.entry]
        assert [pseudonyms.reveal(letters, "letters", text) for text in utterances.texts(new.messages)] == list(
            utterances.texts(old.messages)
        )


def test_what_somebody_changed_meanwhile_is_left_alone_and_told(letters):
    seen = pseudonyms.preview(letters, all_of(letters))
    first = seen.changes[0].example
    examples.edit(letters, first, "ben", note="mine")
    done = pseudonyms.replace(letters, seen, "ada")
    assert (done.examples, done.overtaken) == (1, [first.entry])
    assert examples.get(letters, "letters", first.entry).prompt == ANN


def test_doing_it_again_changes_nothing_and_new_people_get_new_stand_ins(letters):
    pseudonyms.replace(letters, pseudonyms.preview(letters, all_of(letters)), "ada")
    assert pseudonyms.preview(letters, all_of(letters)).changes == []
    assert pseudonyms.hide(letters, "letters", ["bob@acme.org and ann.lee@acme.org"]) == [
        "customer2@example.org and customer1@example.org"
    ]


def test_the_key_is_apart_from_the_data_and_for_its_owner_alone(letters):
    pseudonyms.replace(letters, pseudonyms.preview(letters, all_of(letters)), "ada")
    file = pseudonyms.path(letters, "letters")
    assert file.parent.name == "pseudonyms"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    frozen = snapshots.freeze(letters, "letters", "ada")
    for split in ("train", "validation", "test"):
        assert "acme" not in snapshots.path(letters, frozen.id, split).read_text()


def test_without_the_key_nobody_can_go_back(letters):
    pseudonyms.replace(letters, pseudonyms.preview(letters, all_of(letters)), "ada")
    assert pseudonyms.forget(letters, "letters", "ada") == 2
    with pytest.raises(Problem, match="no key for the pseudonyms of letters"):
        pseudonyms.reveal(letters, "letters", "customer1@example.org")


def test_a_dataset_with_a_path_for_a_name_keeps_its_key_in_the_folder(store):
    assert pseudonyms.path(store, "../../etc").parent == store.home.pseudonyms


def test_a_scan_counts_what_is_there_and_remembers_it_by_content(letters):
    frozen = snapshots.freeze(letters, "letters", "ada")
    assert "cannot tell" in str(privacy.known(letters, Contents(letters, frozen.id)))
    told = []
    verdict = privacy.check(letters, Contents(letters, frozen.id), progress=lambda *at: told.append(at))
    assert str(verdict) == ("Personal data: 2 e-mail addresses and 1 phone number in 2 of 3 scanned examples.")
    assert (verdict.n, verdict.examples, verdict.of, verdict.waiting, told) == (3, 2, 3, 0, [(3, 3)])
    told.clear()
    assert privacy.check(letters, all_of(letters), progress=lambda *at: told.append(at)) == verdict
    assert told == []
    kept = json.dumps(letters.rows("select * from privacy"), default=str) + json.dumps(
        letters.rows("from event"), default=str
    )
    assert "acme" not in kept and "901820" not in kept


def test_stand_ins_are_no_personal_data(letters):
    pseudonyms.replace(letters, pseudonyms.preview(letters, all_of(letters)), "ada")
    verdict = privacy.check(letters, all_of(letters))
    assert str(verdict) == "Personal data: none found in 3 scanned examples."


def test_a_page_may_scan_a_part_and_says_what_waits(letters):
    verdict = privacy.check(letters, all_of(letters), most=1)
    assert (verdict.waiting, verdict.complete) == (2, False)
    assert str(verdict).endswith("2 are not scanned yet.")
    assert [example.line for example in pseudonyms.chosen(letters, "letters")] == [1]


def test_texts_for_an_endpoint_are_judged_the_same_way_and_secrets_count(store):
    verdict = privacy.check_texts(store, ["password: Hunter2!x", "postgres://bob:s3cr3t@db.acme.com/x", "nothing"])
    assert verdict.kinds == {"connection": 1, "password": 1} and (verdict.examples, verdict.of) == (2, 3)
    assert str(privacy.check_texts(store, [])) == "Personal data: there is nothing to scan."


def panel():
    from studio.folders import Home
    from studio.store import opened
    from studio.ui import notices, privacy

    with notices.shown():
        privacy.stand_ins(opened(Home.default()), "letters", "ada")


def test_the_panel_shows_what_would_change_does_it_and_deletes_the_key_when_asked(letters):
    page = AppTest.from_function(panel, default_timeout=LONG).run()
    assert "No scanned example of this dataset holds personal data" in words(page)
    page.button(key="stand-ins-scan").click().run()
    assert not page.exception
    assert "2 e-mail addresses, 1 phone number in 2 examples of letters get stand-ins" in words(page)
    assert "Older versions of these examples still hold" in words(page)
    page.button(key="stand-ins").click().run()
    assert not page.exception
    assert all_of(letters)[1].answer == "On its way to customer1@example.org."
    assert "The key to 2 stand-ins is in" in words(page)
    page.button(key="forget-key").click().run()
    assert not page.exception and not pseudonyms.exists(letters, "letters")


def test_personal_data_is_told_before_a_run_and_wants_a_tick(app, full, tmp_path):
    rows = [conversation(f"I am ann{n}@acme.org", "Hello!") for n in range(12)]
    file = tmp_path / "letters.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(full.store, file, "letters", "ada", split="train")
    frozen = snapshots.freeze(full.store, "letters", "ada")
    found = look(app, "runs", snapshot=frozen.id)
    assert "Personal data: 12 e-mail addresses in 12 of 12 scanned examples." in words(found)
    assert found.button(key="launch").disabled
    assert not found.checkbox(key=f"launch-{frozen.id}-known").check().run().button(key="launch").disabled
    assert "acme" not in words(found)
