"""Search: words, filters and pages agree with the plainest way of looking, and the index is never the truth."""

import json
import random
import shutil
import threading
import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest

from studio.data import datasets, examples, facets, intake, search
from studio.data.examples import Edit, Example
from studio.data.search import Query
from studio.folders import Home
from studio.store import Store
from tests.conftest import conversation


@pytest.fixture
def own(tmp_path: Path):
    store = Store(Home(tmp_path / "home"))
    yield store
    store.close()


def bring(store: Store, folder: Path, *rows: dict[str, object], name: str = "a.jsonl", by: str = "ada") -> None:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    datasets.bring_in(store, path, "tone", by)


def lines(store: Store, text: str) -> list[int]:
    return [example.line for example in examples.find(store, "tone", text=text).examples]


@pytest.fixture
def few(own, tmp_path):
    bring(
        own,
        tmp_path,
        conversation("Where is my lamp?", "On its way to you."),
        conversation("Le café crème?", "Über-cool, and don't worry."),
        conversation("cafe\u0301 au lait", "An e-mail is on the way."),
        conversation("我在北京大学", "Straße nach Köln"),
    )
    return own


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lamp", [1]),
        ("LAMP ", [1]),
        ("lam", [1]),  # as one types
        ("lam ", []),  # a finished word
        ("way", [1, 3]),
        ("its way", [1]),
        ('"its way"', [1]),
        ('"way its"', []),
        ('"on the w', [3]),
        ("way -lamp", [3]),
        ('-"its way"', [2, 3, 4]),
        ("cafe", [2, 3]),  # accents and the two ways to write them
        ("CAFÉ", [2, 3]),
        ("koln", [4]),
        ("uber cool", [2]),
        ("e-mail", [3]),
        ("don't", [2]),
        ("京大", [4]),
        ("大北", []),
        ("?!", [1, 2, 3, 4]),  # nothing to look for
        ("lampshade", []),
    ],
)
def test_words_are_found_whatever_their_case_and_accents(few, text, found):
    assert lines(few, text) == found


def test_an_edit_is_found_at_once_and_its_old_words_no_longer(few):
    seen = examples.find(few, "tone", text="lamp").examples[0]
    examples.edit(few, seen, "bo", messages=[seen.messages[0], {"role": "assistant", "content": "Tomorrow, petal."}])
    assert lines(few, "petal") == [1] and lines(few, '"its way"') == []
    assert examples.find(few, "tone", text="petal", author="bo").n == 1


def test_an_index_that_was_deleted_is_built_anew(few):
    assert lines(few, "lamp") == [1]
    shutil.rmtree(few.home.search)
    examples.write(few, "tone", [{"role": "user", "content": "Lamps?"}, {"role": "assistant", "content": "Yes."}], "bo")
    assert lines(few, "lamp") == [1, 0]


def test_an_index_that_is_broken_is_built_anew(tmp_path, few):
    assert lines(few, "lamp") == [1]
    few.close()
    for path in few.home.search.rglob("*"):
        if path.is_file():
            path.write_bytes(b"broken")
    again = Store(few.home)
    assert lines(again, "lamp") == [1]
    again.close()


def test_the_index_of_another_database_is_not_believed(tmp_path, few):
    assert lines(few, "lamp") == [1]
    other = Store(Home(tmp_path / "other"))
    bring(other, tmp_path, *(conversation(f"Cup {n}?", f"Cup {n} is a long way from here.") for n in range(9)))
    shutil.copytree(few.home.search, other.home.search)
    assert lines(other, "lamp") == [] and lines(other, "cup 7 ") == [8]
    other.close()


def test_rows_that_are_not_searchable_yet_are_counted(own, tmp_path, monkeypatch):
    monkeypatch.setattr(search, "SMALL", 5)
    bring(own, tmp_path, *(conversation(f"Cup {n}?", "Yes.") for n in range(20)))
    assert search.behind(own) == 20 and lines(own, "cup") == []
    assert search.catch_up(own) == 0 and search.behind(own) == 0
    assert len(lines(own, "cup")) == 20


WORDS = ("lamp", "kettle", "Café", "blue", "Größe", "cup", "lamps", "42", "naïve", "late")
TAGS = ("delivery", "refund", "two words", "déjà")


def naive(rows: list[Example], query: Query) -> list[Example]:
    """The plainest way of looking: every word and filter, example by example."""

    def plain(text: str) -> list[str]:
        text = unicodedata.normalize("NFKD", text.replace("ß", "ss")).lower()
        text = "".join(letter for letter in text if not unicodedata.combining(letter))
        return "".join(letter if letter.isalnum() else " " for letter in text).split()

    def says(example: Example, word: str, last: bool) -> bool:
        said = [one for message in example.messages for one in plain(message["content"])]
        return any(one.startswith(word) if last else one == word for one in said)

    wanted = plain(query.text)
    return [
        row
        for row in rows
        if all(says(row, word, number == len(wanted)) for number, word in enumerate(wanted, 1))
        and set(query.tags) <= set(row.tags)
        and query.status in ("", row.status)
        and query.author in ("", row.made_by)
        and query.source in ("", row.source)
        and (query.shorter is None or row.words <= query.shorter)
        and (query.longer is None or row.words >= query.longer)
        and (query.since is None or row.made_at >= query.since)
        and (query.until is None or row.made_at <= query.until)
    ]


def test_every_combination_of_filters_finds_what_the_plainest_way_finds(own, tmp_path):
    luck = random.Random(3)
    for name, by in (("a.jsonl", "ada"), ("b.jsonl", "bo")):
        rows = [
            conversation(
                f"{name} {n} {' '.join(luck.choices(WORDS, k=3))}?",
                " ".join(luck.choices(WORDS, k=luck.randint(1, 12))),
                tags=luck.sample(TAGS, luck.randint(0, 3)),
            )
            for n in range(120)
        ]
        bring(own, tmp_path, *rows, name=name, by=by)
    every = examples.find(own, "tone", limit=1000).examples
    chosen = luck.sample(every, 60)
    examples.edit_many(own, [Edit(one, status=luck.choice(examples.STATUSES)) for one in chosen], "cy")
    every = examples.find(own, "tone", limit=1000).examples
    assert len(every) == 240
    times = sorted({one.made_at for one in every})
    for _ in range(150):
        query = Query(
            text=luck.choice(["", "", luck.choice(WORDS), " ".join(luck.choices(WORDS, k=2)), "lam", "caf"]),
            tags=tuple(luck.sample(TAGS, luck.choice([0, 0, 1, 2]))),
            status=luck.choice(["", *examples.STATUSES]),
            author=luck.choice(["", "", "ada", "bo", "cy"]),
            source=luck.choice(["", "", "a.jsonl"]),
            shorter=luck.choice([None, luck.randint(1, 12)]),
            longer=luck.choice([None, luck.randint(1, 8)]),
            since=luck.choice([None, luck.choice(times)]),
            until=luck.choice([None, luck.choice(times), times[-1] + timedelta(days=1)]),
        )
        offset, order = luck.choice([0, 0, 7]), luck.choice(["place", "newest", "oldest"])
        wanted = naive(every, query)
        wanted.sort(key=lambda one: one.place if order == "place" else one.seq, reverse=order == "newest")
        page, n = examples.find(own, "tone", query, order=order, limit=10, offset=offset)
        assert n == len(wanted), query
        assert [one.entry for one in page] == [one.entry for one in wanted[offset : offset + 10]], query


def test_the_longest_answers_come_first_when_asked_with_words_and_without(few):
    for text in ("", "way"):
        words = [one.words for one in examples.find(few, "tone", text=text, order="longest").examples]
        assert words == sorted(words, reverse=True) and words


def test_searching_goes_on_in_many_threads_while_a_file_comes_in(own, tmp_path):
    bring(own, tmp_path, *(conversation(f"Lamp {n}?", "Yes.") for n in range(50)))
    path = tmp_path / "more.jsonl"
    path.write_text("".join(json.dumps(conversation(f"Kettle {n}?", "No. " * 50)) + "\n" for n in range(15_000)))
    wrong: list[object] = []

    def look() -> None:
        try:
            while intake.running(own):
                if examples.find(own, "tone", text="lamp").n != 50:
                    wrong.append("lamps")
                if examples.find(own, "tone").n not in (50, 15_050):
                    wrong.append("half a file")
        except Exception as error:
            wrong.append(error)

    begun = intake.start(own, path, "tone", "bo")
    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and intake.get(own, begun.id).added == 15_000
    search.catch_up(own)
    assert examples.find(own, "tone", text="kettle 14999 ").n == 1


def test_what_can_be_filtered_by_follows_the_edits(few):
    assert facets.tags(few, "tone") == [] and facets.authors(few, "tone") == ["ada"]
    examples.edit(few, examples.find(few, "tone").examples[0], "bo", tags=["lamp"])
    assert facets.tags(few, "tone") == ["lamp"] and facets.authors(few, "tone") == ["ada", "bo"]
    assert facets.sources(few, "tone") == ["a.jsonl"]


def test_many_edits_are_one_event_and_leave_what_was_changed_meanwhile(few):
    shown = examples.find(few, "tone").examples
    examples.edit(few, shown[1], "bo", note="mine")
    done = examples.edit_many(few, [Edit(one, status="in review", tags=["lamp"]) for one in shown], "cy", "example.tag")
    assert done.overtaken == [shown[1].entry] and len(done.versions) == 3
    states = [one.status for one in examples.find(few, "tone").examples]
    assert states == ["in review", "approved", "in review", "in review"]
    assert examples.get(few, "tone", shown[1].entry).note == "mine"
    events = few.rows("select made_by, subject from event where verb = 'example.tag'")
    assert events == [{"made_by": "cy", "subject": "tone"}]
    (first, *_), seqs = examples.history(few, "tone", shown[0].entry), few.rows("select seq from example order by seq")
    assert first.version == 2 and first.place == shown[0].place and first.tags == ["lamp"]
    assert len({row["seq"] for row in seqs}) == len(seqs) == 8
