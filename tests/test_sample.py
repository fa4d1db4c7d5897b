"""The sample project: what is shipped is what the banks make, and its splits and facts hold."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.reading.grounding import NOT_FOUND
from engine.scoring.guide import markers
from engine.scoring.metrics import score
from sample.making import files
from sample.making.cast import CAST, PEOPLE

SAMPLE = Path(__file__).resolve().parents[1] / "sample"
SPLITS = ("train", "validation", "test")
FIGURE = re.compile(r"\d[\d.,:]*\d|\d")
PRODUCTS = [name for kind in ("lamp", "kettle", "speaker", "robot", "sensor", "blanket") for name in CAST[kind]]
NAMES = sorted([*PEOPLE, *PRODUCTS, *CAST["city"], *CAST["code"]], key=len, reverse=True)
MASKED_NAMES = re.compile(r"\b(" + "|".join(map(re.escape, NAMES)) + r")\b")
THINGS = sorted({*CAST["thing"], *CAST["cordless"], *CAST["connected"], *CAST["colour"]}, key=len, reverse=True)
MASKED_THINGS = re.compile(r"\b(" + "|".join(THINGS) + r")\b")


@cache
def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def said(row: dict[str, Any], role: str) -> str:
    (text,) = [message["content"] for message in row["messages"] if message["role"] == role]
    return text


@cache
def guide() -> dict[str, Any]:
    return json.loads((SAMPLE / "style_guide.json").read_text(encoding="utf-8"))


def kinds_shown(text: str) -> set[str]:
    """The kinds of marker of the style guide that `text` shows, as the tone metric counts them."""
    return set(markers(text, guide()["use"]))


def shingles(text: str) -> set[tuple[str, ...]]:
    """The three-word runs of `text` with names, things and figures masked."""
    masked = FIGURE.sub("0", MASKED_THINGS.sub("thing", MASKED_NAMES.sub("name", text)))
    words = re.findall(r"\w+", masked.lower())
    return {tuple(words[n : n + 3]) for n in range(max(1, len(words) - 2))}


def near_copies(some: list[str], others: list[str], bound: float = 0.6) -> list[tuple[float, str, str]]:
    """Pairs whose three-word runs overlap (Jaccard) by `bound` or more."""
    where: dict[tuple[str, ...], list[int]] = {}
    sets = [shingles(text) for text in others]
    for number, runs in enumerate(sets):
        for run in runs:
            where.setdefault(run, []).append(number)
    found = []
    for text in some:
        runs = shingles(text)
        shared = Counter(number for run in runs for number in where.get(run, []))
        for number, count in shared.items():
            likeness = count / (len(runs) + len(sets[number]) - count)
            if likeness >= bound:
                found.append((likeness, text, others[number]))
    return found


def test_what_is_shipped_is_what_the_banks_make():
    made = files()
    assert {path: (SAMPLE / path).read_text(encoding="utf-8") for path in made} == made
    assert {path.name for path in (SAMPLE / "documents").iterdir()} == {
        Path(path).name for path in made if path.startswith("documents/")
    }


def test_near_copies_are_found():
    assert near_copies(["My Rosie kettle is 3 days late."], ["My Tilly kettle is 12 days late."])
    assert not near_copies(["My Rosie kettle is 3 days late."], ["Where is the parcel you promised?"])


@pytest.mark.parametrize(("task", "least"), [("tone", 640), ("triage", 1600)])
def test_splits_are_large_enough_and_never_share_a_phrasing_family(task: str, least: int):
    sizes = {split: len(rows(f"{task}/{split}")) for split in SPLITS}
    total = sum(sizes.values())
    assert total >= least
    assert 0.15 <= sizes["test"] / total <= 0.20
    assert 0.06 <= sizes["validation"] / total <= 0.12
    assert (sizes["validation"] + sizes["test"]) / total >= 0.15
    groups = [{row["group"] for row in rows(f"{task}/{split}")} for split in SPLITS]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]


@pytest.mark.parametrize("task", ["tone", "triage"])
def test_no_text_comes_twice(task: str):
    texts = Counter(said(row, "user").lower() for split in SPLITS for row in rows(f"{task}/{split}"))
    assert [text for text, count in texts.items() if count > 1] == []


@pytest.mark.parametrize("task", ["tone", "triage"])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_no_held_out_text_is_a_near_copy_of_a_training_text(task: str, split: str):
    training = [said(row, "user") for row in rows(f"{task}/train")]
    assert near_copies([said(row, "user") for row in rows(f"{task}/{split}")], training) == []


def test_no_playful_text_of_the_test_split_is_a_near_copy_of_a_training_one():
    training = [said(row, "assistant") for row in rows("tone/train")]
    assert near_copies([said(row, "assistant") for row in rows("tone/test")], training) == []


def tone_rows() -> list[dict[str, Any]]:
    return [row for split in SPLITS for row in rows(f"tone/{split}")]


def test_every_figure_and_name_of_a_dry_message_is_in_the_playful_one_and_no_other():
    def facts(text: str) -> tuple[list[str], list[str]]:
        figures = FIGURE.findall(text)
        return sorted(figures), sorted(MASKED_NAMES.findall(text))

    changed = [row["messages"] for row in tone_rows() if facts(said(row, "user")) != facts(said(row, "assistant"))]
    assert changed == []


def test_the_kept_metric_agrees_that_nothing_was_lost():
    scores = [score("kept", said(row, "assistant"), row).value for row in tone_rows()]
    assert set(scores) == {1.0, None}
    assert scores.count(None) <= 6


def test_what_is_not_known_stays_not_known_in_the_playful_voice():
    for row in tone_rows():
        expected = 1.0 if row["tags"] == ["topic:not-known"] else 0.0
        assert score("not_found", said(row, "assistant"), row).value == expected, row


def test_every_instruction_of_a_dry_message_is_in_the_playful_one():
    lost = [
        row["messages"]
        for row in tone_rows()
        for asked in re.findall(r"[Pp]lease (\w+ \w+ \w+)", said(row, "user"))
        if asked not in said(row, "assistant") and not asked.startswith("note that")
    ]
    assert lost == []


def test_every_playful_message_follows_the_style_guide():
    for row in tone_rows():
        text = said(row, "assistant")
        assert len(kinds_shown(text)) >= guide()["needs"], text
        assert not markers(text, {"avoid": guide()["avoid"]}), text
        assert len(text.split()) < 60, text
        assert len(re.findall(r"[.!?](?= [A-Z]|$| \W+$)", text)) <= 2, text


def test_the_style_guide_says_the_same_to_people_and_to_machines():
    page = (SAMPLE / "style_guide.md").read_text(encoding="utf-8")
    assert guide()["needs"] == 2 and "at least two" in page
    assert len(guide()["use"]) == 5 and "of these five" in page
    assert page.split("## Words that we don't use\n\n")[1].split(".md")[0].count(" ·") == len(guide()["avoid"]) - 1
    assert all(word in page for word in guide()["avoid"])


@pytest.mark.parametrize("task", ["tone", "triage"])
def test_what_people_write_is_short(task: str):
    assert max(len(said(row, "user").split()) for split in SPLITS for row in rows(f"{task}/{split}")) <= 45


def test_no_dry_message_is_playful():
    assert [said(row, "user") for row in tone_rows() if kinds_shown(said(row, "user"))] == []


def test_a_third_of_the_tone_rows_are_short_answers_and_some_say_that_it_is_not_known():
    topics = Counter(row["tags"][0] for row in tone_rows())
    answers = topics["topic:product"] + topics["topic:service"] + topics["topic:not-known"]
    assert 0.28 <= answers / len(tone_rows()) <= 0.40
    assert topics["topic:not-known"] >= 20


def test_tone_rows_speak_of_no_product_that_has_a_document():
    titled = {path.stem.split("-")[0].title() for path in (SAMPLE / "documents").glob("*.md")} - {"Fernwick"}
    assert not titled & {product.split()[0] for product in PRODUCTS}


def answer_rows() -> list[dict[str, Any]]:
    return [row for split in SPLITS[:2] for row in rows(f"answers/{split}")]


def test_every_answer_in_tone_says_its_passage_or_that_it_is_not_known():
    for row in answer_rows():
        asked, reply = said(row, "user"), said(row, "assistant")
        if asked.startswith("Passages:"):
            passage = asked.split("\n")[1].removeprefix("[1] ")
            assert passage in reply, row
        else:
            assert NOT_FOUND in reply, row


def test_every_answer_in_tone_follows_the_style_guide():
    assert [row for row in answer_rows() if len(kinds_shown(said(row, "assistant"))) < guide()["needs"]] == []


def test_answers_in_tone_share_no_family_between_splits_and_none_comes_twice():
    train, validation = ({row["group"] for row in rows(f"answers/{split}")} for split in SPLITS[:2])
    assert train and validation and not train & validation
    asked = [said(row, "user") for row in answer_rows()]
    assert len(asked) == len(set(asked))


def test_every_ticket_has_a_described_label_and_says_it_in_its_tags():
    labels = json.loads((SAMPLE / "triage/labels.json").read_text(encoding="utf-8"))
    kinds = Counter(label.split(" / ")[0] for label in labels)
    assert len(kinds) == 15
    assert set(kinds.values()) <= {2, 3, 4}
    assert all(description.endswith(".") for description in labels.values())
    for split in SPLITS:
        assert {said(row, "assistant") for row in rows(f"triage/{split}")} == set(labels)
        for row in rows(f"triage/{split}"):
            kind, sub = said(row, "assistant").split(" / ")
            assert row["tags"] == [f"type:{kind}", f"sub-type:{sub}"]


def test_every_sub_type_has_twelve_phrasing_families_or_more():
    families: dict[str, set[str]] = {}
    for split in SPLITS:
        for row in rows(f"triage/{split}"):
            families.setdefault(said(row, "assistant"), set()).add(row["group"])
    assert min(len(groups) for groups in families.values()) >= 12


def title_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


def paragraphs(document: str) -> list[str]:
    parts = (SAMPLE / "documents" / document).read_text(encoding="utf-8").split("\n\n")
    return [part.strip() for part in parts if not part.startswith("#")]


def test_documents_are_titled_and_each_fact_stands_alone():
    documents = sorted((SAMPLE / "documents").glob("*.md"))
    assert len(documents) >= 64
    for path in documents:
        title = title_of(path)
        facts = paragraphs(path.name)
        assert 6 <= len(facts) <= 12, path.name
        for fact in facts:
            assert title in fact or title + "s" in fact, fact
            assert len(fact.split()) < 25, fact


def test_no_fact_of_a_document_is_playful_by_accident():
    facts = [fact for path in (SAMPLE / "documents").glob("*.md") for fact in paragraphs(path.name)]
    assert [fact for fact in facts if len(kinds_shown(fact)) >= guide()["needs"]] == []


def test_the_readme_counts_what_is_there():
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    tone, triage = (" / ".join(str(len(rows(f"{task}/{split}"))) for split in SPLITS) for task in ("tone", "triage"))
    questions = " / ".join(str(len(rows(f"questions/{split}"))) for split in SPLITS[1:])
    documents = len(list((SAMPLE / "documents").glob("*.md")))
    for count in (f"{tone} rows", f"{triage} rows", f"{questions} questions", f"{documents} documents"):
        assert count in readme


def test_every_answer_stands_in_its_passage_and_the_passage_in_its_document():
    for split, least in (("validation", 60), ("test", 180)):
        assert len(rows(f"questions/{split}")) >= least
        for row in rows(f"questions/{split}"):
            assert row["passage"] in paragraphs(row["document"])
            assert row["answer"] in row["passage"], row
            assert row["accept"][0] == row["answer"]


def test_every_question_names_the_product_of_one_document_only():
    titles = {path.name: title_of(path) for path in (SAMPLE / "documents").iterdir()}
    short = {name: title if title.startswith("Fernwick") else title.split()[0] for name, title in titles.items()}
    for split in SPLITS[1:]:
        for row in rows(f"questions/{split}"):
            named = {name for name, title in short.items() if re.search(rf"\b{title}(e?s)?\b", row["question"])}
            assert named == {row["document"]}, row["question"]


def test_questions_lie_in_one_split_with_their_document_and_a_third_are_freely_worded():
    validation, test = ({row["document"] for row in rows(f"questions/{split}")} for split in SPLITS[1:])
    assert not validation & test
    everyone = [row for split in SPLITS[1:] for row in rows(f"questions/{split}")]
    free = sum("wording:free" in row["tags"] for row in everyone)
    assert 0.30 <= free / len(everyone) <= 0.45
    assert len({row["question"] for row in everyone}) == len(everyone)
