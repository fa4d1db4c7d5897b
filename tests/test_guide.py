"""The style guide, rule by rule, each against a text marked by hand."""

import json
from dataclasses import asdict, fields

import pytest

from engine.problems import Problem
from engine.scoring import guide as guides
from engine.scoring import style
from engine.scoring.guide import Guide, marks, missing
from engine.scoring.metrics import score
from studio.folders import SAMPLE

FERNWICK = guides.read((SAMPLE / "style_guide.json").read_text(encoding="utf-8"))

# rule, text, what is marked, and what is offered for each
MARKED = [
    (Guide(avoid=["kindly"]), "Kindly wait, unkindly.", [("Kindly", None)]),
    (Guide(instead={"kindly": "please"}), "Kindly wait. We kindly ask.", [("Kindly", "Please"), ("kindly", "please")]),
    (Guide(avoid=["fault", "your fault"]), "It is your  fault.", [("your  fault", None)]),
    (Guide(instead={"don't worry": "relax"}), "Don’t worry!", [("Don’t worry", "Relax")]),
    (Guide(avoid=["straße"]), "Die Straße ist da.", [("Straße", None)]),
    (Guide(most_words_a_sentence=4), "Short one. This one is far too long. 🙈", [("This one is far too long.", None)]),
    (Guide(most_words_a_sentence=4), "Ask Dr. Wu at 7.30 a.m.", [("Ask Dr. Wu at 7.30 a.m.", None)]),
    (Guide(emoji="none"), "Here 🙈 and 👍🏽.", [(" 🙈", ""), (" 👍🏽", "")]),
    (Guide(most_emoji=1), "Here 🎉 we are 👩‍👧 7!", [(" 👩‍👧", "")]),
    (Guide(contractions="none"), "We can't, it's Ana's.", [("can't", "cannot"), ("it's", None)]),
    (Guide(contractions="none"), "Don’t. I'm off.", [("Don’t", "Do not"), ("I'm", "I am")]),
    (Guide(contractions="wanted"), "We are here. Yes, we are.", [("We are", "We're")]),
    (Guide(contractions="wanted"), "Do not wait, it is late.", [("Do not", "Don't"), ("it is", "it's")]),
    (Guide(greeting="none"), "Dear Ana, it is here.", [("Dear Ana,", None)]),
    (Guide(greeting="none"), "Highlights: it is here.", []),
    (Guide(address="Sie"), "Wir haben dein Paket, du.", [("dein", None), ("du", None)]),
    (Guide(address="du"), "Sie ist da. Haben Sie Ihr Paket?", [("Sie", None), ("Ihr", None)]),
    (Guide(speaks_as="we"), "I sent it to us, IT said, and my cat.", [("I", None), ("my", None)]),
    (Guide(speaks_as="I"), "We sent mine with our cat.", [("We", None), ("our", None)]),
    (Guide(speaks_as="neither"), "I know us.", [("I", None), ("us", None)]),
    (Guide(most_exclamations=0), "Hello! It is here!!", [("!", "."), ("!", ""), ("!", ".")]),
    (Guide(most_exclamations=1), "Hello! It is here!", [("!", ".")]),
    (Guide(dashes="none"), "It is late — sorry – but well-made, 10–12 days.", [(" — ", ", "), (" – ", ", ")]),
    (Guide(oxford="always"), "We sell cups, kettles and lamps.", [(" ", ", ")]),
    (Guide(oxford="never"), "We sell cups, kettles, and lamps.", [(",", "")]),
    (Guide(oxford="never"), "It rained, and we left.", []),
    (Guide(single_spaces=True), "One  two.   Three", [("  ", " "), ("   ", " ")]),
    (Guide(no_shouting=True, acronyms=["IBAN"]), "STOP: your IBAN AB12CD, NASA.", [("STOP", "stop"), ("NASA", "nasa")]),
]


@pytest.mark.parametrize(("guide", "text", "wanted"), MARKED)
def test_a_rule_marks_just_what_breaks_it(guide, text, wanted):
    found = marks(text, guide)
    assert [(text[mark.start : mark.end], mark.instead) for mark in found] == wanted


LACKING = [
    (Guide(fewest_words=3), "Too short 🙈", "It has 2 words; at least 3."),
    (Guide(most_words=3), "This one is too long.", "It has 5 words; at most 3."),
    (Guide(most_sentences=1), "One. Two! 🎉", "It has 2 sentences; at most 1."),
    (Guide(emoji="wanted"), "Nothing.", "It has no emoji; the guide wants one."),
    (Guide(greeting="wanted"), "It is here.", "It begins without a greeting."),
    (Guide(to_the_reader=True), "The lamp is here.", "It never says you to the reader."),
    (Guide(sign_offs=["Your Fernwick team"]), "It is here.", "It ends without “Your Fernwick team”."),
    (
        Guide(use={"pet_names": ["petal"], "emoji": ["🎉"]}, needs=2),
        "Here, petal.",
        "It shows 1 of the 2 kinds of marker; add one of these: emoji.",
    ),
]
KEPT = [
    (Guide(fewest_words=3, most_words=3), "One two three 🎉"),
    (Guide(most_sentences=1), "It costs 3.50 euros, e.g. here. 🎉"),
    (Guide(emoji="wanted"), "Here 🎉"),
    (Guide(greeting="wanted"), "Hi Ana, it is here."),
    (Guide(greeting="wanted"), "Guten Tag, es ist da."),
    (Guide(to_the_reader=True), "It's YOURS."),
    (Guide(sign_offs=["Yours, Ada", "Your Fernwick team"]), "It is here. Your Fernwick team! 🎉"),
    (Guide(use={"pet_names": ["petal"], "emoji": ["🎉"]}, needs=2), "Here, Petal 🎉"),
]


@pytest.mark.parametrize(("guide", "text", "why"), LACKING)
def test_a_rule_about_the_whole_says_what_it_lacks(guide, text, why):
    assert [lack.why for lack in missing(text, guide)] == [why]


@pytest.mark.parametrize(("guide", "text"), KEPT)
def test_a_rule_about_the_whole_that_is_kept_says_nothing(guide, text):
    assert missing(text, guide) == []


def test_a_guide_without_rules_asks_for_nothing_and_marks_nothing():
    text = "DEAR customer,  I don't know — sorry!!! 🎉🎉"
    assert Guide().silent and marks(text, Guide()) == [] and missing(text, Guide()) == []


def test_applying_what_is_offered_leaves_no_such_mark():
    guide = Guide(instead={"kindly": "please"}, contractions="wanted", dashes="none", single_spaces=True)
    text = "Kindly wait — we are  late, and do not run."
    for mark in reversed(marks(text, guide)):
        assert mark.instead is not None
        text = text[: mark.start] + mark.instead + text[mark.end :]
    assert text == "Please wait, we're late, and don't run."
    assert marks(text, guide) == []


def test_a_guide_travels_as_a_file_and_comes_back_the_same():
    assert guides.read(guides.to_json(FERNWICK)) == FERNWICK


def test_an_older_file_is_read_by_its_former_names():
    former = {"playful": {"openers": ["ta-da"]}, "needs": 1, "how": "Be kind."}
    assert guides.of(former) == Guide(use={"openers": ["ta-da"]}, needs=1, notes="Be kind.")


WRONG = [
    ('{"avid": []}', "no rule called avid"),
    ('{"emoji": "some"}', "emoji: some"),
    ('{"needs": "two"}', "cannot be read"),
    ("[]", "not a style guide"),
    ("{", "not a style guide"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_file_that_is_no_guide_is_told_in_a_sentence(text, said):
    with pytest.raises(Problem) as told:
        guides.read(text)
    assert said in told.value.what


def test_every_rule_is_said_in_words():
    loud = Guide(
        name="All", use={"openers": ["ta-da"]}, needs=1, avoid=["bad"], instead={"kindly": "please"}, fewest_words=1,
        most_words=60, most_sentences=2, most_words_a_sentence=20, emoji="wanted", most_emoji=1, contractions="none",
        greeting="none", address="Sie", speaks_as="we", to_the_reader=True, most_exclamations=0, dashes="none",
        oxford="never", single_spaces=True, no_shouting=True, acronyms=["IBAN"], sign_offs=["Bye"], notes="Be kind.",
    )  # fmt: skip
    unsaid = {"name", "single_spaces", "acronyms", "use", "needs"}
    for rule in fields(Guide):
        alone = Guide(**{rule.name: asdict(loud)[rule.name]})
        assert rule.name in unsaid or len(guides.in_words(alone)) == 1, rule.name
    assert len(guides.in_words(loud)) == 20


def test_the_samples_answers_keep_the_samples_guide():
    """1,412 answers written to it: none breaks a rule."""
    files = [*(SAMPLE / "tone").glob("*.jsonl"), *(SAMPLE / "answers").glob("*.jsonl")]
    answers = [json.loads(line)["messages"][-1]["content"] for file in files for line in file.read_text().splitlines()]
    assert len(answers) == 1412
    broken = [said for said in answers if marks(said, FERNWICK) or missing(said, FERNWICK)]
    assert broken == []


def test_the_metric_style_names_the_rules_that_are_broken():
    guide = {"emoji": "none", "most_words": 3}
    assert score("style", "It is here.", {}, guide).value == 1.0
    found = score("style", "It is not quite here 🙈", {}, guide)
    assert (found.value, found.why) == (0.0, "Breaks emoji, length.")
    assert score("style", "It is here.", {}, None).value is None
    assert score("style", "It is here.", {}, {}).value is None


def test_folding_keeps_every_position():
    text = "İstanbul’s “Straße” ﬁne Ǆ…"
    assert len(style.fold(text)) == len(text)
