"""Retrieval: documents become chunks without loss, and questions find them."""

import random
import re
from concurrent.futures import ThreadPoolExecutor

import ir_measures
import pytest
from ir_measures import RR, R, nDCG

from engine.problems import Problem
from engine.reading import ranking, retrieval
from engine.reading.chunks import Chunk, of_markdown

DOCUMENT = """\
Words before any heading.

# Aurora lamp

The lamp runs for 14 hours
on one charge.

## Care
- Wipe it with a **dry** cloth.
* Never use
  vinegar.

### Spare parts ###
1. Order part FW-20417.
2) Wait.

| part | price |
|------|-------|
| foot | 12 euros |

---

## Empty section

# Code
```
# not a heading

- not a bullet
```
## Last words
"""


def index(tmp_path, *texts: str, source: str = "a.md"):
    found = [Chunk(source, "", text, at) for at, text in enumerate(texts)]
    return retrieval.build(tmp_path / "index", found)


def test_each_paragraph_and_bullet_is_a_chunk_under_its_headings():
    found = [(chunk.heading, chunk.text) for chunk in of_markdown("lamp.md", DOCUMENT)]
    assert found == [
        ("", "Words before any heading."),
        ("Aurora lamp", "The lamp runs for 14 hours on one charge."),
        ("Aurora lamp > Care", "Wipe it with a **dry** cloth."),
        ("Aurora lamp > Care", "Never use vinegar."),
        ("Aurora lamp > Care > Spare parts", "1. Order part FW-20417."),
        ("Aurora lamp > Care > Spare parts", "2) Wait."),
        ("Aurora lamp > Care > Spare parts", "| part | price |\n|------|-------|\n| foot | 12 euros |"),
        ("Aurora lamp", "Empty section"),
        ("Code", "```\n# not a heading\n\n- not a bullet\n```"),
        ("Code", "Last words"),
    ]


def test_chunks_are_counted_and_carry_their_source():
    found = of_markdown("lamp.md", DOCUMENT)
    assert [chunk.position for chunk in found] == list(range(len(found)))
    assert {chunk.source for chunk in found} == {"lamp.md"}


@pytest.mark.parametrize(
    "text", [DOCUMENT, DOCUMENT.replace("\n", "\r\n"), "\ufeff# Title\ntext", "# A\n## B\n# C", "```\nopen"]
)
def test_no_word_of_a_document_is_lost(text):
    kept = " ".join(f"{chunk.heading} {chunk.text}" for chunk in of_markdown("x.md", text))
    assert set(re.findall(r"\w+", text)) == set(re.findall(r"\w+", kept))


def test_an_empty_document_has_no_chunk():
    assert of_markdown("x.md", "") == []
    assert of_markdown("x.md", "\n \n---\n") == []


def test_the_best_match_comes_first_and_only_what_shares_a_word_comes_at_all(tmp_path):
    found = index(tmp_path, "The lamp runs for 14 hours.", "The lamp is green.", "Kettles whistle.").search(
        "How many hours does the lamp run?", 3
    )
    assert [hit.text for hit in found] == ["The lamp runs for 14 hours.", "The lamp is green."]
    assert found[0].score > found[1].score > 0


def test_a_question_of_unknown_or_no_words_finds_nothing(tmp_path):
    opened = index(tmp_path, "The lamp is green.")
    assert opened.search("zebra crossing") == []
    assert opened.search("what is the") == []
    assert opened.search("") == []


def test_equal_scores_come_in_the_librarys_order(tmp_path):
    found = index(tmp_path, *["A green lamp."] * 20).search("green lamp", 5)
    assert [hit.position for hit in found] == [0, 1, 2, 3, 4]


def test_headings_count_in_the_search_but_are_not_in_the_text(tmp_path):
    text = "# Aurora\n## Battery\nIt lasts 14 hours.\n# Willow\n## Battery\nIt lasts 9 hours."
    hit = retrieval.build(tmp_path / "index", of_markdown("lamps.md", text)).search("battery of the Willow", 1)[0]
    assert (hit.text, hit.heading, hit.source, hit.position) == ("It lasts 9 hours.", "Willow > Battery", "lamps.md", 1)


def test_codes_names_and_endings_are_found(tmp_path):
    opened = index(tmp_path, "Order FW-20417 is late.", "Jonas charges two batteries.", "Order FW-20418 is here.")
    assert opened.search("fw-20418", 1)[0].position == 2
    assert opened.search("where is 20417", 1)[0].position == 0
    assert opened.search("charging a battery", 1)[0].position == 1
    assert opened.search("JONAS'S", 1)[0].position == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("charges", "charging"), ("batteries", "battery"), ("glasses", "glass"), ("rinsed", "rinse"), ("running", "run")],
)
def test_plurals_and_verb_endings_meet(one, other):
    assert retrieval.stem(one) == retrieval.stem(other)


def test_short_words_codes_and_look_alikes_keep_their_ends():
    assert [retrieval.stem(word) for word in ("gas", "cr2450s", "bus", "ring", "red", "glass")] == [
        "gas",
        "cr2450s",
        "bus",
        "ring",
        "red",
        "glass",
    ]


def test_an_index_is_read_again_as_it_was_written(tmp_path):
    built = index(tmp_path, "The lamp runs for 14 hours.", "Größe: 12 cm\u2028wide")
    retrieval._opened.cache_clear()
    again = retrieval.open_index(tmp_path / "index")
    assert again.chunks == built.chunks
    assert again.search("lamp hours") == built.search("lamp hours")


def test_a_rebuilt_index_replaces_the_open_one(tmp_path):
    index(tmp_path, "The lamp is green.")
    index(tmp_path, "The kettle is blue.")
    opened = retrieval.open_index(tmp_path / "index")
    assert opened.search("lamp") == []
    assert opened.search("kettle")[0].text == "The kettle is blue."
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_an_index_is_opened_once(tmp_path):
    index(tmp_path, "The lamp is green.")
    assert retrieval.open_index(tmp_path / "index") is retrieval.open_index(tmp_path / "index")


def test_several_threads_search_one_index_alike(tmp_path):
    opened = index(tmp_path, *[f"Lamp {n} is for room {n % 7}." for n in range(200)])
    queries = [f"room {n % 7} lamp {n}" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(opened.search, queries)) == [opened.search(query) for query in queries]


def test_nothing_to_index_and_no_index_are_problems(tmp_path):
    with pytest.raises(Problem, match="nothing to index"):
        retrieval.build(tmp_path / "index", [])
    with pytest.raises(Problem, match="nothing to index"):
        index(tmp_path, "...")
    with pytest.raises(Problem, match="There is no index"):
        retrieval.open_index(tmp_path / "nowhere")


def test_quality_is_what_counting_ranks_by_hand_gives(tmp_path):
    opened = index(tmp_path, "green lamp lamp", "green lamp", "green", "blue kettle")
    questions = [
        {"question": "lamp", "document": "a.md", "passage": "green lamp lamp"},  # first
        {"question": "lamp", "document": "a.md", "passage": "blue kettle"},  # not found
        {"question": "kettle", "document": "b.md", "passage": "blue kettle"},  # another document
    ]
    # the shorter a text, the more its one "green" weighs: the longest comes third
    assert [hit.text for hit in opened.search("green", 4)] == ["green", "green lamp", "green lamp lamp"]
    questions.append({"question": "green", "document": "a.md", "passage": "lamp lamp"})
    found = retrieval.quality(opened, questions)
    assert (found["recall@1"].value, found["recall@5"].value, found["mrr"].n) == (0.25, 0.5, 4)
    assert found["mrr"].value == pytest.approx((1 + 0 + 0 + 1 / 3) / 4)
    assert found["ndcg"].value == pytest.approx((1 + 0 + 0 + 1 / 2) / 4)  # 1 / log2(1 + 3) is a half
    assert retrieval.quality(opened, [])["recall@1"].value is None


def test_quality_agrees_with_the_reference_implementation():
    draw = random.Random(7)
    ranks = [draw.choice([0, 1, 1, 2, 3, 5, 8, 10]) for _ in range(60)]
    run = {
        str(n): {("right" if at == rank else f"wrong {at}"): 20.0 - at for at in range(1, 11)}
        for n, rank in enumerate(ranks)
    }
    known = {str(n): {"right": 1} for n in range(60)}
    names = {
        "recall@1": R @ 1,
        "recall@3": R @ 3,
        "recall@5": R @ 5,
        "recall@10": R @ 10,
        "mrr": RR @ 10,
        "ndcg": nDCG @ 10,
    }
    reference = ir_measures.calc_aggregate(names.values(), known, run)
    found = ranking.measures(ranks)
    assert {name: found[name].value for name in names} == {
        name: pytest.approx(reference[measure]) for name, measure in names.items()
    }
    assert all(one.n == 60 and one.low < one.value < one.high for one in found.values())


PASSAGE = ranking.plain("The lamp runs for 14 hours on one charge, and for 20 hours when it is dimmed.")


@pytest.mark.parametrize(
    ("chunk", "right"),
    [
        ("Aurora. The lamp runs for 14 hours on one charge, and for 20 hours when it is dimmed. It is green.", True),
        ("It is green. The lamp runs for 14 hours on one charge,", True),  # its first half, at the end of a chunk
        ("on one charge, and for 20 hours when it is dimmed. Wipe it.", True),  # its last, at the beginning of one
        ("hours on one charge, and for 20 hours", True),  # a whole piece of it
        ("It is green. The lamp runs for 14 hours", False),  # less than half
        ("The kettle runs for 14 hours on one charge, and for 20 hours when it is empty.", False),  # only alike
        ("one charge", False),
        ("", False),
    ],
)
def test_a_passage_that_was_cut_is_found_by_its_larger_part(chunk, right):
    assert ranking.holds(chunk, PASSAGE) is right
