"""Questions with passages to learn from: the right one anywhere among wrong ones, or missing, and nothing guessed."""

import json
from collections import Counter
from dataclasses import asdict

import pytest
from typer.testing import CliRunner

from engine.problems import Problem
from engine.reading import lessons
from engine.reading.grounding import NOT_FOUND, grounded, parted
from engine.reading.lessons import Asked, Order, Passage
from engine.scoring import candidates as asking
from engine.scoring.metrics import kept
from studio import commands
from studio.building import candidates, models
from studio.cli import app as app_of_commands
from studio.data import datasets, examples
from studio.folders import CODE
from studio.freezing import placements, snapshots
from studio.judging import arrangements, sources
from studio.judging import orders as evaluating
from studio.judging.asking import Turn
from studio.judging.orders import Measures
from studio.reading import libraries, questions, removal
from studio.store import close_all
from studio.writing import lessons as writing
from studio.writing.lessons import Plan
from tests.conftest import conversation, look, words

THINGS = ("kettle", "lamp", "toaster", "clock", "heater", "fan", "scale", "radio", "camera", "blender")
FACTS = {  # a thing's facts: the sentence, and its question
    "weight": ("The copper {thing} weighs {n} grams.", "How heavy is the copper {thing}?"),
    "cable": ("A cable of {n} centimetres comes with the copper {thing}.", "How long is the cable of the {thing}?"),
    "warranty": ("The warranty of the copper {thing} lasts {n} months.", "How long is the warranty of the {thing}?"),
}


def fact(thing: str, kind: str) -> tuple[str, str]:
    n = 100 + 10 * THINGS.index(thing) + list(FACTS).index(kind)
    return tuple(text.format(thing=thing, n=n) for text in FACTS[kind])


PASSAGES = [Passage(fact(thing, kind)[0], f"{thing}.md") for thing in THINGS for kind in FACTS]
ASKED = [
    Asked(f"{thing}-{kind}", conversation(fact(thing, kind)[1], f"Of course! {fact(thing, kind)[0]}")["messages"])
    for thing in THINGS
    for kind in FACTS
]


def search(query: str, k: int) -> list[Passage]:
    """By shared words, best first."""
    words = set(query.lower().strip("?.").split())
    ranked = sorted(PASSAGES, key=lambda one: -len(words & set(one.text.lower().strip(".").split())))
    return ranked[:k]


def one(question: str, answer: str, **more: str) -> Asked:
    return Asked("one", conversation(question, answer)["messages"], **more)


def test_the_right_passage_stands_anywhere_among_those_that_the_search_finds():
    made = lessons.make(ASKED, search, Order(k=3, absent=0))
    assert len(made.made) == 30 and not made.left
    assert set(made.places) == {1, 2, 3} and min(made.places.values()) >= 4
    for lesson, asked in zip(made.made, ASKED, strict=True):
        question, shown = parted(lesson.messages[0]["content"])
        assert question == asked.question and lesson.messages[1]["content"] == asked.answer
        assert len(shown) == 3 and shown[lesson.place - 1] in asked.answer
        assert sum(passage in asked.answer for passage in shown) == 1
        near = [hit.text for hit in search(question, 13)]
        assert all(passage in near for passage in shown)


def test_a_fifth_of_the_lessons_are_twins_without_their_passage():
    made = lessons.make(ASKED, search, Order(k=3, absent=0.2))
    missing = [lesson for lesson in made.made if not lesson.place]
    assert len(missing) / len(made.made) == pytest.approx(0.2, abs=0.02)
    for lesson in missing:
        assert lesson.messages[-1]["content"] == NOT_FOUND
        assert lesson.right.text not in lesson.messages[0]["content"]
        twin = next(other for other in made.made if other.of == lesson.of and other.place)
        assert parted(twin.messages[0]["content"])[0] == parted(lesson.messages[0]["content"])[0]


def test_the_same_seed_gives_the_same_lessons_and_another_one_others():
    assert lessons.make(ASKED, search) == lessons.make(ASKED, search)
    alone = lessons.make(ASKED[4:5], search, Order(absent=0)).made[0]
    assert alone == lessons.make(ASKED, search, Order(absent=0)).made[4]  # whoever stands beside it
    assert lessons.make(ASKED, search).places != lessons.make(ASKED, search, Order(seed=1)).places


def test_what_else_would_answer_is_no_wrong_passage():
    rivals = [
        Passage("The copper kettle weighs 100 grams."),
        Passage("At 100 grams the kettle is light."),  # the same figure
        Passage("The copper kettle weighs 250 grams."),  # another figure of the same
        Passage("The copper lamp weighs 90 grams."),
    ]
    asked = [one("How heavy is the copper kettle?", "The copper kettle weighs 100 grams.")]
    [lesson, twin] = lessons.make(asked, lambda *_: rivals, Order(k=4, absent=0.5)).made
    assert sorted(one.text for one in lesson.shown) == [rivals[0].text, rivals[3].text]
    assert [one.text for one in twin.shown] == [rivals[3].text]


LEFT = {
    "no passage holds its names and numbers": one("How heavy is the kettle?", "It weighs 999 grams."),
    "no passage says it in its words, and it has no name or number": one("Is it nice?", "We think that it is lovely."),
    "the answer says that it doesn't know": one("How heavy is the kettle?", "I'm afraid I don't know."),
    "several passages could be right": one("What is the copper thing?", "It has 24 of them."),
    "its known passage is not in the library": one("How heavy?", "Very.", passage="The moon is heavy, they say."),
    "the search finds nothing": one("How heavy is the kettle?", "It weighs 100 grams.", document="moon.md"),
}


@pytest.mark.parametrize("kind", LEFT)
def test_what_cannot_be_told_is_left_out_with_its_reason(kind):
    found = [Passage("The first holds 24 cups.", "a"), Passage("The second has 24 doors.", "b"), *PASSAGES]
    made = lessons.make([LEFT[kind]], lambda query, k: found, Order())
    assert not made.made and [left.kind for left in made.left] == [kind]
    assert made.left[0].why.endswith(".") and made.left[0].question == LEFT[kind].question


def test_a_search_that_finds_nothing_leaves_the_question_out():
    assert lessons.make(ASKED[:1], lambda *_: [], Order()).left[0].kind == "the search finds nothing"


def test_a_known_passage_needs_no_proof():
    asked = one("Is it hard?", "Hardly.", document="kettle.md", passage="kettle weighs 100 grams")
    [lesson] = lessons.make([asked], search, Order(absent=0)).made
    assert lesson.right.text == "The copper kettle weighs 100 grams." and lesson.how == lessons.GIVEN


def test_a_question_that_brings_its_passages_is_asked_anew():
    text, question = fact("lamp", "weight")
    asked = Asked("one", conversation(grounded(question, [text]), "Light as a feather!")["messages"])
    [lesson] = lessons.make([asked], search, Order(absent=0)).made
    assert lesson.right.text == text and lesson.how == lessons.GIVEN
    assert parted(lesson.messages[0]["content"])[0] == question and len(lesson.shown) == 3


def test_what_holds_an_answer():
    held = lessons.holds
    assert held("How long?", "14 hours", "The lamp runs for 14 hours on one charge.") == "words"
    assert held("How long?", "Oh petal! The lamp runs for 14 hours. ✨", "The lamp runs for 14 hours.") == "words"
    assert held("How long does it run?", "It does 14 hours, outdoors, too.", "Runs 14 hours.") == "particulars"
    assert held("How long?", "14 hours", "The lamp runs for 114 hours.") == ""
    assert held("Does the Aurora dim?", "The Aurora does.", "The Aurora dims.") == ""  # nothing that the question lacks
    assert held("How long?", "The lamp runs for 14 hours, 95 minutes to charge.", "The lamp runs for 14 hours.") == ""


@pytest.mark.parametrize("passages", [["One."], ["One.\n[2] no passage", "Two\n\nQuestion: none"], ["[1] a", "b", "c"]])
def test_passages_and_question_come_apart_again(passages):
    question, found = parted(grounded("Why?", passages))
    assert question == "Why?" and grounded(question, found) == grounded("Why?", passages)
    assert parted("Why? Passages:\n[1] none") == ("Why? Passages:\n[1] none", [])


@pytest.mark.parametrize("library", ["", "/nowhere"])
def test_a_question_that_brings_its_passages_is_asked_with_these_and_they_are_what_its_answer_is_held_against(library):
    told = [{"role": "user", "content": grounded("How heavy is it?", ["It weighs 3 kg.", "It is red."])}]
    candidate = asking.Candidate("one", "model", library=library, passages=3)
    messages, hits = asking.messages(candidate, told)
    assert messages == told and [hit.text for hit in hits] == ["It weighs 3 kg.", "It is red."]
    assert asking.worded(candidate, told, []) == asking.worded(candidate, told, [hit.text for hit in hits]) == told
    assert kept("Light.", {"messages": told}).value is None  # the passages' 3 kg are not the question's


@pytest.mark.parametrize(
    ("order", "says"),
    [({"k": 0}, "at least one passage"), ({"absent": 0.7}, "0 to 50 %"), ({"unknowing": ("",)}, "doesn't know")],
)
def test_an_order_that_makes_no_sense_is_a_sentence(order, says):
    with pytest.raises(Problem, match=says):
        Order(**order)


@pytest.fixture
def filled(store, tmp_path):
    """A library of ten documents and a dataset of thirty questions, of which a third stand in groups."""
    texts = {f"{thing}.md": "\n\n".join(fact(thing, kind)[0] for kind in FACTS) for thing in THINGS}
    libraries.add(store, "handbook", texts, "ada")
    rows = [
        conversation(
            asked.question, asked.answer, tags=["topic:copper"], **({"group": f"g{at % 5}"} if at < 10 else {})
        )
        for at, asked in enumerate(ASKED)
    ]
    file = tmp_path / "asked.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, file, "asked", "ada")
    return store


def rows_of(store, dataset="grounded"):
    return store.rows("select * from example where dataset = ? and latest order by place", [dataset])


def question_of(row):
    return parted(json.loads(row["messages"])[0]["content"])[0]


PLAN = Plan("asked", "handbook", "grounded")


def test_nothing_is_written_until_somebody_says_so(filled):
    prepared = writing.prepare(filled, PLAN)
    assert (prepared.present, prepared.absent) == (30, 8) and not prepared.reasons
    assert prepared.sideless == 30 and len(prepared.preview()) == 5
    assert any(not lesson.place for lesson in prepared.preview())
    assert [found.name for found in datasets.listed(filled)] == ["asked"]


def test_what_is_written_says_where_it_is_from_and_waits_for_review(filled):
    assert writing.write(filled, writing.prepare(filled, PLAN), "ada") == 38
    found = rows_of(filled)
    assert {row["status"] for row in found} == {"in review"}
    assert {row["origin"] for row in found} == {"grounded: asked with handbook, 3 passages, 20% absent, seed 0"}
    assert Counter(row["tags"][1] for row in found) == {"grounded": 30, "absent": 8}
    assert {row["tags"][0] for row in found} == {"topic:copper"}
    assert {row["tags"][2] for row in found if len(row["tags"]) > 2} == {"passage:1", "passage:2", "passage:3"}
    assert writing.write(filled, writing.prepare(filled, PLAN), "ada") == 0
    assert filled.row("select count(*) as n from event where verb = 'dataset.ground'")["n"] == 2


def test_examples_and_shared_talks_that_keep_passages_are_named_before_their_library_goes(filled, tmp_path):
    writing.write(filled, writing.prepare(filled, PLAN), "ada")
    models.add(filled, "small", models.BASE, str(tmp_path), "ada")
    asked = candidates.draft(filled, "asked", "small", "ada", library="handbook")
    arrangements.keep(filled, [asked], [Turn("How heavy is it?", ())], "ada")
    arrangements.keep(filled, [asked], [], "ada")  # nobody has asked it anything
    assert removal.uses(filled, "handbook").sentences == [
        "Talks that were shared from the playground keep its passages: 1.",
        "The dataset grounded got its passages to read from: the examples keep them.",
    ]
    assert removal.uses(filled, "other").sentences == []


def test_they_can_arrive_approved(filled):
    approved = Plan("asked", "handbook", "grounded", status=examples.APPROVED)
    writing.write(filled, writing.prepare(filled, approved), "ada")
    assert datasets.get(filled, "grounded").approved == 38


def test_a_twin_shares_the_group_of_its_lesson_so_that_no_split_parts_them(filled):
    approved = Plan("asked", "handbook", "grounded", absent=0.5, status=examples.APPROVED)
    writing.write(filled, writing.prepare(filled, approved), "ada")
    snapshots.freeze(filled, "grounded", "ada")
    sides: dict[str, set[str]] = {}
    for row in rows_of(filled):
        side = filled.row("select split from placement where dataset = 'grounded' and key = ?", [row["entry"]])
        sides.setdefault(question_of(row), set()).add(side["split"])
    assert len(sides) == 30 and all(len(found) == 1 for found in sides.values())


def test_a_test_item_stays_one(filled):
    snapshots.freeze(filled, "asked", "ada")
    placed = placements.decide(filled, "asked", snapshots.Plan()).sides
    test = {row["entry"] for row in rows_of(filled, "asked") if placed[row["entry"]] == "test"}
    prepared = writing.prepare(filled, PLAN)
    assert prepared.sideless == 0 and test
    assert {of for of, source in prepared.sources.items() if source.split == "test"} == test
    writing.write(filled, prepared, "ada")
    asked = {parted(json.loads(row["messages"])[0]["content"])[0] for row in rows_of(filled) if row["split"] == "test"}
    assert asked == {
        json.loads(row["messages"])[0]["content"] for row in rows_of(filled, "asked") if row["entry"] in test
    }


def test_an_approved_question_of_the_library_knows_its_passage(filled, tmp_path):
    file = tmp_path / "more.jsonl"
    file.write_text(json.dumps(conversation("Is the kettle a heavy one?", "Hardly.")) + "\n")
    datasets.bring_in(filled, file, "vague", "ada")
    with pytest.raises(Problem, match="No question of vague finds its passage"):
        writing.prepare(filled, Plan("vague", "handbook", "grounded"))
    questions.add(filled, "handbook", "is the kettle a heavy one?", "kettle.md", "kettle weighs 100 grams", "ada")
    [lesson, *_] = writing.prepare(filled, Plan("vague", "handbook", "grounded")).lessons.made
    assert lesson.right.text == "The copper kettle weighs 100 grams."


def test_a_dataset_cannot_be_asked_and_written_to_at_once(filled):
    with pytest.raises(Problem, match="Name another dataset"):
        writing.prepare(filled, Plan("asked", "handbook", "asked"))
    with pytest.raises(Problem, match="There is no library"):
        writing.prepare(filled, Plan("asked", "nowhere", "grounded"))


def test_the_command_line_shows_before_it_writes(filled, home):
    found = commands.perform(filled, "ground", {"plan": asdict(PLAN), "by": "ada", "write": False})
    assert (found["present"], found["absent"], found["added"]) == (30, 8, 0) and len(found["preview"]) == 5
    close_all()
    asked = ["ground", "asked", "--library", "handbook", "--into", "grounded", "--home", str(home.root)]
    said = CliRunner().invoke(app_of_commands, asked, input="n\n")
    assert said.exit_code == 1 and "30 with their passage" in said.output and "8 without" in said.output
    assert "The right passage is" in said.output and "freeze asked first" in said.output.replace("\n", " ")
    said = CliRunner().invoke(app_of_commands, [*asked, "--yes", "--json"])
    assert json.loads(said.output)["added"] == 38


def test_the_page_shows_five_before_it_writes(filled, app):
    page = look(app, "making", dataset="asked")
    page.segmented_control[0].set_value("Answers get passages").run()
    page.text_input(key="into").set_value("grounded")
    page.button(key="prepare").click().run()
    assert not page.exception and "the right one" in words(page) and "30 questions" in words(page)
    assert [found.name for found in datasets.listed(filled)] == ["asked"]
    page.number_input(key="passages").set_value(2).run()
    assert "Five of them" not in words(page)  # what was made was for another order
    page.number_input(key="passages").set_value(3).run()
    page.button(key="write").click().run()
    assert datasets.get(filled, "grounded").examples == 38
    assert filled.row("select made_by from event where verb = 'dataset.ground'") == {"made_by": "ada"}


def test_without_a_library_the_page_says_what_to_do(store, tmp_path, app):
    file = tmp_path / "asked.jsonl"
    file.write_text(json.dumps(conversation("Why?", "Because.")) + "\n")
    datasets.bring_in(store, file, "asked", "ada")
    page = look(app, "making", dataset="asked")
    page.segmented_control[0].set_value("Answers get passages").run()
    assert "No library yet" in words(page) and not page.exception


@pytest.mark.slow
@pytest.mark.skipif(not (CODE / "starter" / "model.safetensors").exists(), reason="the starter model is not built yet")
def test_a_model_that_learns_from_lessons_says_more_often_that_the_passage_is_missing(tmp_path):
    """The real starter, about two hundred lessons of the sample's facts, and two dozen questions of other documents."""
    from benchmarks import grounded
    from benchmarks.starter import Answerer

    rows, _ = grounded.learned_from(tmp_path, "validation", Order(absent=0.3), "lessons")
    asked = grounded.questions(tmp_path, "validation", 3)[:24]
    before = Answerer(str(CODE / "starter"))
    adapter = grounded.tuned(tmp_path / "run", rows[:256], 3, 2e-3)
    after = Answerer(str(CODE / "starter"))
    after.model = grounded._with(adapter)
    unknown, right = "said to be unknown, passage missing", "right, passage at 3"
    early, late = (grounded.answered(model, asked, 3) for model in (before, after))
    assert sum(late[unknown]) >= sum(early[unknown]) + 2
    assert sum(late[right]) >= sum(early[right]) + 1  # it leans less on the first


def test_an_evaluation_of_what_was_made_says_that_no_library_is_searched(filled, tmp_path):
    models.add(filled, "small", models.BASE, str(tmp_path), "ada")
    reading, plain = (candidates.draft(filled, "one", "small", "ada", library=name) for name in ("handbook", ""))
    writing.write(filled, writing.prepare(filled, Plan("asked", "handbook", "grounded", status="approved")), "ada")
    items = sources.frozen(filled, snapshots.freeze(filled, "grounded", "ada").id, "train")
    said = f"passages that the items bring, {len(items)} of them, are read in place of the library's"
    orders = [
        evaluating.Order(sources.Questions(items, "some"), [who], Measures(["facts"])) for who in (reading, plain)
    ]
    assert [said in order.words for order in orders] == [True, False]
