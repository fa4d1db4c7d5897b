"""The corpus: what it teaches, and what it must not hold."""

import json
import re
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from engine.pretraining.corpus import FAMILIES, MIX, conversations, facts, passages
from engine.pretraining.corpus.conversation import Conversation
from engine.pretraining.corpus.templates import expand, fill
from engine.reading.grounding import NOT_FOUND

SAMPLE = Path(__file__).parent.parent / "sample"
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf]")


@pytest.fixture(scope="module")
def many() -> list[Conversation]:
    return list(islice(conversations(seed=1), 6000))


def text(conversation: Conversation) -> str:
    return "\n".join(message["content"] for message in conversation)


def test_the_same_seed_makes_the_same_conversations_and_another_seed_others():
    first, again, other = (list(islice(conversations(seed), 50)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_every_family_has_a_share_and_the_shares_make_one():
    assert set(MIX) == set(FAMILIES)
    assert sum(MIX.values()) == pytest.approx(1.0)


def test_turns_alternate_and_end_with_the_assistant(many):
    for conversation in many:
        roles = [message["role"] for message in conversation if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)


def test_no_template_is_left_unfilled(many):
    assert not [found for found in map(text, many) if re.search(r"[{}|]|\(\w+\|", found)]


def test_choices_nest_and_slots_begin_with_a_capital():
    assert expand("(a|a) (b(c|c)|b(c|c))", Random(0)) == "a bc"
    assert fill("{it} costs {v}.", {"it": "it", "v": "5 euros"}) == "It costs 5 euros."


def test_an_answer_is_a_sentence_of_a_passage_or_says_that_it_is_not_there():
    random = Random(3)
    copied = 0
    for _ in range(500):
        conversation = passages.answerable(random)
        read, answer = text(conversation[:-1]), conversation[-1]["content"]
        copied += answer in read or answer.partition(" ")[2] in read or answer.split(" ", 3)[-1] in read
    assert copied > 400


def test_without_passages_every_answer_says_that_the_information_is_missing():
    random = Random(3)
    for _ in range(200):
        answers = [m["content"] for m in passages.without_passages(random) if m["role"] == "assistant"]
        assert all("don't have that information" in answer for answer in answers)
    assert NOT_FOUND == "I don't have that information."


def test_a_fact_states_its_value_and_both_sides_name_its_entity():
    random = Random(5)
    for _ in range(500):
        about = facts.entity(random)
        one = facts.facts_of(random, about, 1)[0]
        assert one.slots["v"].lower() in one.told(random).lower()
        assert about.name.lower() in one.told(random).lower()


def test_a_value_repeats_so_seldom_that_none_can_be_known():
    random = Random(9)
    drawn = [facts.facts_of(random, facts.entity(random), 1)[0] for _ in range(3000)]
    pairs = [(one.entity.name, one.attribute.name, one.slots["v"]) for one in drawn if one.entity.article]
    assert len(set(pairs)) == len(pairs)


def test_the_register_is_plain(many):
    assert not [found for found in map(text, many) if EMOJI.search(found)]
    playful = re.compile(r"\b(yay|hooray|woohoo|oops|psst|whoop|buddy|ta-da|zoom)\b", re.IGNORECASE)
    assert not [found for found in map(text, many) if playful.search(found)]


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample project is not here")
def test_nothing_of_the_sample_project_is_in_the_corpus(many):
    """No name of its products and no sentence of its documents: what is asked about them cannot be known."""
    corpus = "\n".join(map(text, many)).lower()
    documents = [path.read_text(encoding="utf-8") for path in sorted((SAMPLE / "documents").glob("*.md"))]
    titles = [found[1].lower() for document in documents if (found := re.search(r"^# +(.+)$", document, re.MULTILINE))]
    sentences = {line.strip().lower() for document in documents for line in document.splitlines() if len(line) > 30}
    assert titles and sentences
    assert not [title for title in titles if title in corpus]
    assert not [sentence for sentence in sentences if sentence in corpus]
    questions = [json.loads(line) for file in (SAMPLE / "questions").glob("*.jsonl") for line in file.open()]
    assert not [one["question"] for one in questions if one["question"].lower() in corpus]
