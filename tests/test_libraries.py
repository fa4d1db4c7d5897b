"""Libraries: what comes in, what changes, what is refused, and what is removed for good."""

import io
import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from engine import jobs
from engine.problems import Problem
from engine.reading import retrieval, versions
from engine.reading.settings import HYBRID, LEXICAL, Chunking, LibrarySettings
from studio import work
from studio.building import candidates, endpoints, models
from studio.reading import (
    arrivals,
    commands,
    indexes,
    libraries,
    originals,
    quality,
    questions,
    readings,
    removal,
    upkeep,
)
from studio.reading.readings import INDEX, Reading
from studio.store import Store
from studio.ui import stacks
from studio.writing import proposals
from tests.patience import waited
from tests.teaching import teacher

KETTLE = "# Kettle\n\nThe copper kettle holds 1.5 litres.\n\n## Warranty\n\nIts warranty lasts 24 months.\n"
LAMP = "# Lamp\n\nThe lamp shines for 14 hours.\n\nIts warranty lasts 12 months.\n"


class Upload(io.BytesIO):
    """A file as a browser brings it."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


@pytest.fixture
def shop(store: Store) -> Store:
    libraries.add(store, "shop", {"kettle.md": KETTLE, "lamp.md": LAMP}, "ada")
    return store


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with two documents and something that is none."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "kettle.md").write_text(KETTLE)
    (folder / "lamp.txt").write_text("The lamp shines for 14 hours.\n")
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return folder


def come_in(store: Store, library: str, *paths: Path, keep: bool = False) -> readings.Reading:
    """What these paths bring, read by a real job and taken over."""
    reading = arrivals.start(store, library, list(paths), "ada", keep)
    assert waited(reading.job) == jobs.DONE, jobs.why(reading.job.folder)
    upkeep.catch_up(store)
    return readings.get(store, reading.id)


def found(store: Store, library: str, query: str) -> list[str]:
    return [hit.text for hit in retrieval.open_index(libraries.folder(store, library)).search(query, 3)]


def holding(home: Path, word: str) -> list[str]:
    """The files of a home in which a word stands."""
    return [str(path) for path in home.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def packed(files: dict[str, str]) -> bytes:
    """A ZIP archive of files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def test_texts_are_documents_at_once_and_their_words_are_not_in_the_database(shop):
    assert [(one.name, one.title, one.chunks) for one in libraries.documents(shop, "shop")] == [
        ("kettle.md", "Kettle", 2),
        ("lamp.md", "Lamp", 2),
    ]
    assert libraries.document(shop, "shop", "lamp.md").text.startswith("Lamp\n\nThe lamp shines")
    assert found(shop, "shop", "how long does the lamp shine")[0] == "The lamp shines for 14 hours."
    assert shop.rows("select distinct text from document") == [{"text": ""}]


def test_the_same_again_changes_nothing_and_another_text_takes_the_place_of_the_old(shop):
    before = [one.id for one in libraries.documents(shop, "shop")]
    libraries.add(shop, "shop", {"kettle.md": KETTLE}, "bo")
    assert [one.id for one in libraries.documents(shop, "shop")] == before
    libraries.add(shop, "shop", {"kettle.md": KETTLE.replace("24", "36")}, "bo")
    assert found(shop, "shop", "warranty kettle months")[0] == "Its warranty lasts 36 months."
    assert len(list((libraries.folder(shop, "shop") / "documents").iterdir())) == 2


def test_a_folder_becomes_documents_and_what_cannot_be_read_is_refused_in_a_sentence(store, shelf):
    libraries.make(store, "shelf", "ada")
    done = come_in(store, "shelf", shelf)
    assert done.taken and (done.taken["new"], done.taken["refused"]) == (2, 1)
    held = libraries.documents(store, "shelf")
    assert [(one.name, one.kind, one.source) for one in held] == [
        ("kettle.md", "markdown", str(shelf)),
        ("lamp.txt", "text", str(shelf)),
    ]
    [refusal] = arrivals.refusals(store, "shelf")
    assert refusal.name == "photo.png" and "is a picture" in refusal.why
    assert found(store, "shelf", "copper kettle")[0] == "The copper kettle holds 1.5 litres."
    arrivals.dismiss(store, "shelf", "ada", "photo.png")
    assert arrivals.refusals(store, "shelf") == []


def test_a_reading_is_under_way_until_what_it_brought_can_be_searched(store, shelf, monkeypatch):
    seen = []
    refresh = indexes.refresh

    def looked_at_meanwhile(store, library, by):
        seen.append([one.kind for one in readings.live(store, library)])
        return refresh(store, library, by)

    monkeypatch.setattr(indexes, "refresh", looked_at_meanwhile)
    libraries.make(store, "goods", "ada")
    reading = come_in(store, "goods", shelf)
    assert seen == [["read"]] and readings.live(store, "goods") == [] and reading.taken
    assert libraries.get(store, "goods").chunks == 3


def test_documents_whose_index_failed_are_told_as_not_indexed_and_not_taken_over_twice(store, shelf, monkeypatch):
    def failing(store, library, by):
        raise Problem("The disk is full.")

    libraries.make(store, "goods", "ada")
    with monkeypatch.context() as broken:
        broken.setattr(indexes, "refresh", failing)
        with pytest.raises(Problem, match="The disk is full"):
            come_in(store, "goods", shelf)
    assert readings.live(store, "goods") == []
    assert len(libraries.documents(store, "goods")) == 2 and not libraries.current(store, "goods")
    upkeep.catch_up(store)
    assert readings.listed(store, "goods")[0].taken["new"] == 2


def test_a_path_that_is_looked_at_again_tells_what_is_new_changed_and_gone(store, shelf):
    libraries.make(store, "shelf", "ada")
    come_in(store, "shelf", shelf)
    (shelf / "kettle.md").write_text(KETTLE.replace("24", "36"))
    (shelf / "lamp.txt").unlink()
    (shelf / "cup.md").write_text("# Cup\n\nThe cup is blue.\n")
    [source] = arrivals.sources(store, "shelf")
    reading = arrivals.look_again(store, "shelf", source.path, "ada")
    waited(reading.job)
    upkeep.catch_up(store)
    taken = readings.get(store, reading.id).taken
    assert taken is not None
    assert readings.words({name: n for name, n in taken.items() if name != "missing"}) == (
        "1 new, 1 changed, 1 gone, 1 refused"
    )
    assert arrivals.gone(store, "shelf") == {str(shelf): ["lamp.txt"]}
    assert [one.name for one in libraries.documents(store, "shelf")] == ["cup.md", "kettle.md", "lamp.txt"]
    removal.documents(store, "shelf", ["lamp.txt"], "ada")
    assert arrivals.gone(store, "shelf") == {}


def test_an_upload_is_read_and_then_deleted_and_an_archive_is_its_files(store, tmp_path):
    libraries.make(store, "up", "ada")
    spooled = arrivals.spool(store, "up", "both.zip", packed({"docs/kettle.md": KETTLE, "docs/lamp.md": LAMP}))
    done = come_in(store, "up", spooled)
    assert done.body["sources"] == ["both.zip"]
    held = libraries.documents(store, "up")
    assert [(one.name, one.source) for one in held] == [
        ("docs/kettle.md", "both.zip"),
        ("docs/lamp.md", "both.zip"),
    ]
    assert not spooled.exists()
    assert originals.kept(store, "up") == set() and originals.of(store, held[0]) is None
    assert arrivals.sources(store, "up") == []  # an upload cannot be looked at again


def test_what_was_uploaded_can_be_kept_and_goes_with_its_document_alone(store):
    libraries.make(store, "up", "ada")
    page = "<h1>Cup</h1><p>The zebrawortquark is a cup.</p><script>alert('never')</script>"
    both = packed({"a/cup.html": page, "b/cup.html": page, "code.json": "{}"})
    come_in(store, "up", arrivals.spool(store, "up", "both.zip", both), keep=True)
    one, other = libraries.documents(store, "up")
    assert originals.of(store, one) == originals.Original("cup.html", "", False)
    assert originals.content(one) == originals.content(other) == page.encode()
    assert originals.kept(store, "up") == {one.id, other.id}
    removal.documents(store, "up", ["a/cup.html"], "ada")
    assert originals.content(other) == page.encode() and originals.kept(store, "up") == {other.id}
    removal.documents(store, "up", ["b/cup.html"], "ada")
    assert holding(store.home.root, "zebrawortquark") == []


def test_a_kept_file_of_what_a_document_said_before_is_kept_no_more(store):
    libraries.make(store, "up", "ada")
    for text, keep in ((KETTLE, True), (KETTLE.replace("24", "36"), False)):
        come_in(store, "up", arrivals.spool(store, "up", "kettle.md", text.encode()), keep=keep)
        [held] = libraries.documents(store, "up")
        assert originals.kept(store, "up") == ({held.id} if keep else set())
        assert not keep or originals.content(held) == text.encode()
    assert originals.of(store, held) is None
    with pytest.raises(Problem, match="is not where it was"):
        originals.content(held)


def test_what_was_read_by_a_path_is_opened_there_and_says_when_it_has_changed_or_is_gone(store, shelf, tmp_path):
    libraries.make(store, "shelf", "ada")
    archive = tmp_path / "cups.zip"
    archive.write_bytes(packed({"in/cup.md": "# Cup\n\nThe cup is blue.\n"}))
    (shelf / "bo\u0308.txt").write_text("Its letters are spelled apart.")  # as some systems do
    come_in(store, "shelf", shelf, archive, keep=True)
    assert originals.kept(store, "shelf") == set()  # it is there already
    bo, cup, kettle, lamp = (libraries.document(store, "shelf", name)
                             for name in ("b\u00f6.txt", "in/cup.md", "kettle.md", "lamp.txt"))  # fmt: skip
    assert originals.of(store, kettle) == originals.Original("kettle.md", str(shelf), False)
    assert originals.content(kettle) == KETTLE.encode() and originals.content(bo).startswith(b"Its letters")
    assert originals.content(cup) == b"# Cup\n\nThe cup is blue.\n"
    os.utime(shelf / "kettle.md", (time.time() + 60, time.time() + 60))
    assert originals.of(store, kettle) == originals.Original("kettle.md", str(shelf), True)
    (shelf / "lamp.txt").unlink()
    (shelf / "lamp.txt").symlink_to("/etc/hostname")
    assert originals.of(store, lamp) is None


@pytest.mark.parametrize(
    "name, kind, offered",
    [
        ("docs/guide.pdf", "pdf", "guide.pdf"),
        ("guide.docx", "pdf", "guide.docx.pdf"),
        ("run.exe", "text", "run.exe.txt"),
        ("notes.md", "text", "notes.md"),
        ('..\\a<b>:"\u202egnp.md', "markdown", "a_b____gnp.md"),
        ("...", "table", "document.csv"),
        ("x" * 400 + ".htm", "html", "x" * 120 + ".htm"),
    ],
)
def test_an_original_is_offered_under_a_name_that_is_safe_and_says_what_it_is(shop, name, kind, offered):
    assert originals.safe(replace(libraries.document(shop, "shop", "lamp.md"), name=name, kind=kind)) == offered


def test_two_files_of_one_name_never_take_each_others_place_in_silence(store, shelf, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "kettle.md").write_text("# Kettle\n\nAnother kettle.\n")
    libraries.make(store, "shelf", "ada")
    done = come_in(store, "shelf", shelf, other)
    assert done.taken and (done.taken["new"], done.taken["refused"]) == (2, 2)
    assert libraries.document(store, "shelf", "kettle.md").text.startswith("Kettle\n\nThe copper")
    whys = [one.why for one in arrivals.refusals(store, "shelf")]
    assert any("Another file called kettle.md came from" in why for why in whys)


def test_what_is_not_there_and_what_is_ours_is_not_read(store, tmp_path):
    libraries.make(store, "shelf", "ada")
    with pytest.raises(Problem, match="There is no file or folder"):
        arrivals.start(store, "shelf", [tmp_path / "nowhere"], "ada")
    with pytest.raises(Problem, match="files that belong to Atelier"):
        arrivals.start(store, "shelf", [store.home.root], "ada")
    with pytest.raises(Problem, match="nothing to read"):
        arrivals.start(store, "shelf", [], "ada")


def test_other_settings_hold_once_the_library_is_indexed_anew(shop):
    libraries.change(shop, "shop", LibrarySettings(Chunking(40, 4), search=HYBRID), "ada")
    assert not libraries.current(shop, "shop")
    reading = indexes.start(shop, "shop", "ada")
    with pytest.raises(Problem, match="worked on already"):
        indexes.start(shop, "shop", "ada")
    assert waited(reading.job) == jobs.DONE, jobs.why(reading.job.folder)
    upkeep.catch_up(shop)
    assert libraries.current(shop, "shop")
    assert [one.chunks for one in libraries.documents(shop, "shop")] == [2, 1]
    assert quality.ways(quality.opened(shop, "shop")) == ("lexical", "dense", "hybrid")


def test_a_document_that_is_removed_leaves_no_word_in_any_file(shop):
    unique = "zebrawortquark"
    libraries.change(shop, "shop", LibrarySettings(search=HYBRID), "ada")
    libraries.add(shop, "shop", {"secret.md": f"# Title{unique}\n\nIts name is {unique}, and nobody knows.\n"}, "ada")
    questions.add(shop, "shop", f"Who is {unique}?", "secret.md", f"Its name is {unique}", "ada")
    assert len(holding(shop.home.root, unique)) >= 3  # document, index, database
    removal.documents(shop, "shop", ["secret.md"], "ada")
    assert holding(shop.home.root, unique) == []
    assert found(shop, "shop", "lamp shine")[0] == "The lamp shines for 14 hours."
    assert questions.listed(shop, "shop") == []


def test_a_document_goes_without_a_trace_also_when_the_model_that_embeds_its_library_is_gone(shop, tmp_path):
    unique = "zebrawortquark"
    libraries.change(shop, "shop", LibrarySettings(search=HYBRID), "ada")
    libraries.add(shop, "shop", {"secret.md": f"# Title{unique}\n\nIts name is {unique}, and nobody knows.\n"}, "ada")
    questions.add(shop, "shop", f"Who is {unique}?", "secret.md", f"Its name is {unique}", "ada")
    libraries.change(shop, "shop", LibrarySettings(search=HYBRID, embedder=str(tmp_path / "no-model")), "ada")
    removal.documents(shop, "shop", ["secret.md"], "ada")  # what is left waits for a model
    assert holding(shop.home.root, unique) == []
    assert found(shop, "shop", "lamp shine")[0] == "The lamp shines for 14 hours."


def test_a_library_without_documents_has_nothing_to_be_indexed(shop, tmp_path):
    libraries.change(shop, "shop", LibrarySettings(search=HYBRID, embedder=str(tmp_path / "no-model")), "ada")
    removal.documents(shop, "shop", ["kettle.md", "lamp.md"], "ada")
    assert libraries.current(shop, "shop") and readings.listed(shop, "shop", INDEX) == []


def test_an_upload_or_passage_that_no_job_will_read_does_not_stay(shop, shelf, tmp_path):
    models.add(shop, "small", models.BASE, str(tmp_path), "ada")
    arrivals.start(shop, "shop", [shelf], "ada")  # it waits: nobody ticks
    with pytest.raises(Problem, match="worked on already"):
        stacks.begin(shop, "shop", stacks.Chosen(files=[Upload("letter.md", b"zebrawortquark")]), "ada")
    proposals.start(shop, "shop", "small", 1, "ada")
    before = holding(libraries.beside(shop, "shop"), "copper kettle")
    with pytest.raises(Problem, match="worked on already"):
        proposals.start(shop, "shop", "small", 4, "ada")
    assert holding(shop.home.root, "zebrawortquark") == []
    assert holding(libraries.beside(shop, "shop"), "copper kettle") == before


def test_a_library_that_is_removed_leaves_no_word_in_any_file(shop):
    unique = "zebrawortquark"
    libraries.add(shop, "gone", {"secret.md": f"# Title{unique}\n\nIts name is {unique}.\n"}, "ada")
    removal.library(shop, "gone", "ada")
    assert holding(shop.home.root, unique) == []
    assert [one.name for one in libraries.listed(shop)] == ["shop"]
    with pytest.raises(Problem, match="no library gone"):
        libraries.get(shop, "gone")


def test_what_a_removed_document_was_called_is_forgotten_too(store, tmp_path):
    libraries.make(store, "post", "ada")
    letter = arrivals.spool(store, "post", "müllerzebra.md", LAMP.encode())
    come_in(store, "post", letter, arrivals.spool(store, "post", "kettle.md", KETTLE.encode()), keep=True)
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "maierzebra.txt").write_text("The lamp shines.\n")
    (shelf / "lamp.md").write_text(LAMP)
    come_in(store, "post", shelf)
    (shelf / "maierzebra.txt").unlink()
    come_in(store, "post", shelf)
    assert arrivals.gone(store, "post") == {str(shelf): ["maierzebra.txt"]}
    removal.documents(store, "post", ["müllerzebra.md", "maierzebra.txt"], "ada")
    assert holding(store.home.root, "zebra") == []
    assert [one.name for one in libraries.documents(store, "post")] == ["kettle.md", "lamp.md"]
    assert [one.path for one in arrivals.sources(store, "post")] == [str(shelf)]
    removal.documents(store, "post", ["lamp.md"], "ada")
    assert arrivals.sources(store, "post") == []  # nothing is left of it
    removal.library(store, "post", "ada")
    assert holding(store.home.root, "kettle.md") == []


def test_the_texts_of_an_older_home_move_out_of_the_database_and_leave_nothing_there(shop):
    unique = "zebrawortquark"
    with shop.jot() as cursor:
        cursor.execute(
            "insert into document (library, name, id, title, text, chunks, made_by, made_at) "
            "select library, 'old.md', 'old', 'Old', ?, 1, made_by, made_at from document limit 1",
            [f"# Old\n\nThe {unique} of an older home.\n"],
        )
    old = libraries.document(shop, "shop", "old.md")
    assert old.text == f"Old\n\nThe {unique} of an older home." and old.id != "old"
    assert [Path(path).parent.name for path in holding(shop.home.root, unique)] == ["documents"]


def test_who_would_miss_a_library_is_told_before_it_goes(shop, tmp_path):
    models.add(shop, "small", models.BASE, str(tmp_path), "ada")
    candidates.add(shop, "small with shop", "small", "ada", library="shop")
    said = removal.uses(shop, "shop").sentences
    assert said == ["The candidate small with shop can look nothing up in it any more."]
    assert removal.uses(shop, "nothing").sentences == []


def test_a_question_by_hand_needs_words_that_stand_in_its_document(shop):
    one = questions.add(shop, "shop", "How long is the warranty?", "kettle.md", "warranty lasts 24 months", "ada")
    assert (one.status, one.origin) == ("approved", "")
    with pytest.raises(Problem, match="do not stand in kettle"):
        questions.add(shop, "shop", "How long?", "kettle.md", "It lasts for ever.", "ada")
    with pytest.raises(Problem, match="no document cup"):
        questions.add(shop, "shop", "How long?", "cup.md", "It lasts for ever.", "ada")
    with pytest.raises(Problem, match="there already"):
        questions.add(shop, "shop", "How long is the warranty?", "kettle.md", "warranty lasts 24 months", "ada")
    assert questions.lost(shop, "shop") == []
    libraries.add(shop, "shop", {"kettle.md": "# Kettle\n\nNothing is promised.\n"}, "ada")
    assert questions.lost(shop, "shop") == [one]
    assert commands.measure(shop, "shop")["lost"] == [one.question]


def test_what_has_no_index_cannot_be_searched_and_it_says_of_which_library_and_what_to_do(shop):
    versions.drop(libraries.folder(shop, "shop"))
    libraries.make(shop, "empty", "ada")
    for library, says in (("shop", "not indexed yet"), ("empty", "no documents yet")):
        with pytest.raises(Problem, match=f"Nothing can be found in {library}") as refused:
            quality.opened(shop, library)
        assert says in str(refused.value) and str(shop.home.root) not in str(refused.value)


def test_a_chunk_of_several_paragraphs_is_a_passage_too(shop):
    text = "# List\n\nBring:\n\n- a cup\n- a spoon\n"
    libraries.change(shop, "shop", LibrarySettings(Chunking(100, 0), search=LEXICAL), "ada")
    libraries.add(shop, "shop", {"list.md": text}, "ada")
    passage = found(shop, "shop", "bring a cup and a spoon")[0]
    assert questions.add(shop, "shop", "What must I bring?", "list.md", passage, "ada")
    assert questions.lost(shop, "shop") == []


def test_questions_come_from_a_file_and_every_row_that_is_none_is_told(shop, tmp_path):
    path = tmp_path / "asked.csv"
    path.write_text(
        "question,document,passage,answer\n"
        "How long does it shine?,lamp.md,shines for 14 hours,14 hours\n"
        "How long does it shine?,lamp.md,shines for 14 hours,14 hours\n"
        "What is it?,cup.md,a cup,\n"
        ",lamp.md,14 hours,\n"
    )
    got = questions.bring_in(shop, "shop", path, "ada")
    assert (got.added, got.known) == (1, 1)
    assert [(one.line, one.why) for one in got.refused] == [
        (4, "There is no document cup.md in this library."),
        (5, "It has no question."),
    ]
    assert [(one.answer, one.origin) for one in questions.approved(shop, "shop")] == [("14 hours", "asked.csv")]
    (tmp_path / "bare.csv").write_text("question,answer\na,b\nc,d\n")
    with pytest.raises(Problem, match="no column document, passage"):
        questions.bring_in(shop, "shop", tmp_path / "bare.csv", "ada")


def proposing(store: Store) -> Reading:
    """A model that has proposed a question for each of three passages; nobody has taken them over yet."""

    def taught(messages: list[dict[str, str]]) -> str:
        asked = messages[-1]["content"]
        return '["What is told of it here?"]' if asked.startswith("Read the following") else "It is told plainly here."

    with teacher(taught) as url:
        endpoints.add(store, "teacher", url, "teacher", "ada")
        reading = proposals.start(store, "shop", "teacher", 3, "ada")
        assert waited(reading.job) == jobs.DONE, jobs.why(reading.job.folder)
    return reading


def test_proposals_whose_passage_is_gone_by_the_time_they_come_are_counted(shop):
    reading = proposing(shop)
    libraries.add(shop, "shop", {name: "# Here\n\nNothing is told.\n" for name in ("kettle.md", "lamp.md")}, "ada")
    upkeep.catch_up(shop)
    taken = readings.get(shop, reading.id).taken
    assert taken is not None and taken["unplaced"] + taken["failed"] == 3 and taken["unplaced"] >= 1, taken
    assert questions.listed(shop, "shop") == []


def test_a_model_proposes_questions_that_wait_for_a_person_and_leaves_no_copy_of_passages(shop):
    reading = proposing(shop)
    upkeep.catch_up(shop)
    taken = readings.get(shop, reading.id).taken
    assert taken is not None and taken["proposed"] + taken["failed"] == 3 and taken["proposed"] >= 1, taken
    assert not holding(shop.home.jobs, "copper kettle") and not holding(libraries.beside(shop, "shop"), "kettle holds")
    first, *_ = questions.listed(shop, "shop", questions.PROPOSED)
    assert questions.approved(shop, "shop") == [] and first.origin == "teacher"
    kept = questions.judge(shop, "shop", first.id, questions.APPROVED, "ada", "What is it about?")
    assert questions.approved(shop, "shop") == [kept] and kept.question == "What is it about?"


def test_the_ways_of_searching_are_measured_on_the_same_questions_and_compared_in_words(shop):
    libraries.change(shop, "shop", LibrarySettings(search=HYBRID), "ada")
    libraries.index(shop, "shop")
    questions.add(shop, "shop", "How long does the lamp shine?", "lamp.md", "shines for 14 hours", "ada")
    questions.add(shop, "shop", "Quid novi?", "kettle.md", "warranty lasts 24 months", "ada")
    measured = quality.measure(shop, "shop")
    assert set(measured.ways) == {"lexical", "dense", "hybrid"} and measured.own == "hybrid"
    words = measured.ways["lexical"]
    assert words.ranks == (1, 0) and str(words.figures["recall@1"]) == "50 % (9-91, n = 2)"
    [missed] = quality.missed(measured, "lexical")
    assert missed.question.question == "Quid novi?" and missed.instead == ()
    assert all(said.startswith("Searching by both instead of") for said in quality.sentences(measured))
    assert quality.difference(measured, "lexical", "hybrid").n == 2


def test_a_library_is_not_removed_while_it_is_worked_on(shop):
    reading = indexes.start(shop, "shop", "ada")
    with pytest.raises(Problem, match="worked on"):
        removal.library(shop, "shop", "ada")
    jobs.stop(reading.job, grace=0)
    removal.library(shop, "shop", "ada")
    assert libraries.listed(shop) == []


def test_an_index_job_that_was_stopped_goes_on(shop):
    libraries.change(shop, "shop", LibrarySettings(search=HYBRID), "ada")
    reading = indexes.start(shop, "shop", "ada")
    work.stop(shop, reading, "ada")
    assert readings.get(shop, reading.id).state == jobs.STOPPED and not libraries.current(shop, "shop")
    work.resume(shop, reading, "ada")
    assert waited(reading.job) == jobs.DONE, jobs.why(reading.job.folder)
    upkeep.catch_up(shop)
    assert libraries.current(shop, "shop")


def test_the_command_line_has_an_answer_for_each_order(shop, shelf):
    begun = commands.read(shop, "cli", [str(shelf)], 100, "ada")
    waited(jobs.get(shop.home.jobs, begun["reading"]))
    taken = commands.taken(shop, begun["reading"])
    assert (taken["said"], taken["index"]) == ("2 new, 1 refused", "")
    [hit] = commands.search(shop, "cli", "copper kettle", 1, "lexical")["hits"]
    questions.add(shop, "cli", "How much does the copper kettle hold?", "kettle.md", hit["text"], "ada")
    assert commands.measure(shop, "cli")["ways"]["lexical"]["recall@1"]["value"] == 1.0
    assert commands.forget(shop, "cli", ["kettle.md"], "ada")["said"] == "kettle.md is gone from cli."
    with pytest.raises(Problem, match="no document kettle"):
        commands.forget(shop, "cli", ["kettle.md"], "ada")
    assert commands.forget(shop, "cli", [], "ada")["said"] == "cli is gone."
