"""An index follows its documents: only what is new is done, what is deleted is gone, and nobody sees half of it."""

import json
import os
import signal
import threading
from dataclasses import asdict, replace

import bm25s
import numpy as np
import pytest

from engine import events, jobs, processes
from engine.problems import Problem
from engine.reading import documents, embedders, growing, indexing, offline, retrieval, settings, terms, versions
from engine.reading.chunks import Chunk
from engine.reading.documents import Block, Document
from engine.reading.settings import DENSE, HYBRID, LEXICAL, Chunking, LibrarySettings
from engine.serving.asking import calls
from tests import embedding_api
from tests.patience import LONG, until, waited

LETTERS = LibrarySettings()
WORDS = LibrarySettings(search=LEXICAL)
FACTS = {
    "lamp.md": ["The lamp runs for 14 hours on one charge.", "Wipe the lamp with a dry cloth."],
    "kettle.md": ["The kettle boils a litre in three minutes.", "Descale the kettle with vinegar once a month."],
    "parcel.md": ["A parcel can be returned within 30 days.", "Refunds are paid within a week."],
}


def put(library, name, *paragraphs, language="en"):
    """Lay a document down in place of that of the same name, as the studio does; its id."""
    for id, path in documents.held(library).items():
        if documents.load(library, id).name == name:
            path.unlink()
    blocks = tuple(Block("paragraph", text) for text in paragraphs)
    return documents.save(library, Document(name, name, "markdown", blocks, language=language))


def filled(tmp_path):
    library = tmp_path / "libraries" / "one"
    for name, paragraphs in FACTS.items():
        put(library, name, *paragraphs)
    return library


def update(library, how=LETTERS):
    return indexing.update(library, how, library.parents[1] / "servers")


def holding(folder, word):
    """The files in which a word stands, looked for byte by byte."""
    return [path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes().lower()]


def test_a_hit_says_what_each_half_found(tmp_path):
    library = filled(tmp_path)
    update(library)
    found = retrieval.open_index(library).search("how many hours does the lamp run", 6)
    best = found[0]
    assert (best.text, best.source, best.position) == (FACTS["lamp.md"][0], "lamp.md", 0)
    assert best.lexical.rank == 1 and best.lexical.score > 0
    assert best.dense.rank == 1 and 0 < best.dense.score <= 1
    assert best.document in documents.held(library) and len({hit.id for hit in found}) == len(found)
    assert any(hit.lexical is None and hit.dense is not None for hit in found)  # shares letters, but no word


def test_letters_find_a_misspelt_word_that_words_do_not(tmp_path):
    library = filled(tmp_path)
    update(library)
    opened = retrieval.open_index(library)
    assert opened.search("vinnegar", 1, LEXICAL) == []
    assert opened.search("vinnegar", 1, DENSE)[0].text == opened.search("vinnegar", 1)[0].text == FACTS["kettle.md"][1]
    assert opened.search("", 3) == [] and opened.search("vinegar", 0) == []


def test_the_librarys_own_way_of_searching_holds_unless_another_is_asked_for(tmp_path):
    library = filled(tmp_path)
    update(library, replace(LETTERS, search=DENSE))
    opened = retrieval.open_index(library)
    assert opened.how == DENSE and opened.search("lamp", 1)[0].lexical is None
    assert opened.search("lamp", 1, HYBRID)[0].lexical is not None
    with pytest.raises(Problem, match="no way of searching called 'guess'"):
        opened.search("lamp", 1, "guess")


def test_an_index_of_words_alone_has_no_dense_half(tmp_path):
    library = filled(tmp_path)
    done = update(library, WORDS)
    opened = retrieval.open_index(library)
    assert (done.embedded, opened.how, opened.embedder) == (0, LEXICAL, "")
    assert opened.search("lamp", 1)[0].dense is None
    with pytest.raises(Problem, match="no dense half"):
        opened.search("lamp", 1, DENSE)


def test_an_index_from_before_there_were_versions_is_read_and_then_replaced(tmp_path):
    library = tmp_path / "libraries" / "one"
    library.mkdir(parents=True)
    old = [Chunk("lamp.md", "", "The green lamp.", 0), Chunk("lamp.md", "", "The kettle whistles.", 1)]
    scorer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    scorer.index([terms.words(chunk.text) for chunk in old], show_progress=False)
    scorer.save(library, show_progress=False)
    keys = ("source", "heading", "text", "position")
    lines = [json.dumps({key: asdict(chunk)[key] for key in keys}) + "\n" for chunk in old]
    (library / versions.CHUNKS).write_text("".join(lines))
    opened = retrieval.open_index(library)
    assert opened.how == LEXICAL and opened.search("lamps", 1)[0].text == "The green lamp."
    put(library, "kettle.md", *FACTS["kettle.md"])
    update(library)
    assert holding(library, "whistles") == []
    assert retrieval.open_index(library).search("kettle", 1)[0].source == "kettle.md"


def test_only_a_document_that_is_new_is_read_and_only_words_that_are_new_are_embedded(tmp_path):
    library, heard = filled(tmp_path), []
    with embedding_api.endpoint(heard) as url:
        how = replace(LETTERS, embedder=f"{url}#points")
        first = update(library, how)
        assert (first.documents, first.chunks, first.read, first.embedded) == (3, 6, 3, 6)
        again = update(library, how)
        assert (again.read, again.embedded, len(heard)) == (0, 0, 6)

        put(library, "lamp.md", FACTS["lamp.md"][0], "Never use vinegar.")
        changed = update(library, how)
        assert (changed.read, changed.embedded, heard[6:]) == (1, 1, ["Never use vinegar."])
        opened = retrieval.open_index(library)
        assert opened.embedder == "points@127.0.0.1"
        lengths = np.linalg.norm(opened.version.vectors, axis=1)
        assert np.allclose(lengths, 1, atol=1e-6)
        for entry, vector in zip(opened.version.entries, opened.version.vectors, strict=True):
            wanted = np.array(embedding_api.point(entry.text))
            assert np.allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-6), entry.text


def test_another_chunking_cuts_anew_and_another_embedder_embeds_anew(tmp_path):
    library, heard = filled(tmp_path), []
    update(library)
    done = update(library, replace(LETTERS, chunking=Chunking(words=200)))
    assert (done.read, done.chunks) == (3, 3)
    with embedding_api.endpoint(heard) as url:
        done = update(library, replace(LETTERS, embedder=f"{url}#points", chunking=Chunking(words=200)))
    assert (done.read, done.embedded, len(heard)) == (0, 3, 3)


def test_what_the_offline_embedder_learned_holds_while_its_texts_do_and_the_library_has_not_doubled(tmp_path):
    library = filled(tmp_path)
    first = update(library).embedder
    put(library, "desk.md", "The desk is made of oak.")
    second = update(library)
    assert (second.embedder, second.embedded) == (first, 1)
    put(library, "lamp.md", "The lamp runs for 15 hours.")
    third = update(library)
    assert third.embedder != first and third.embedded == third.chunks
    for n in range(20):
        put(library, f"{n}.md", f"Number {n} is a number.")
    assert update(library).embedder != third.embedder


@pytest.mark.parametrize("how", [LETTERS, WORDS], ids=["letters", "words"])
def test_a_deleted_document_leaves_no_word_in_the_folder(tmp_path, how):
    library = filled(tmp_path)
    gone = put(library, "secret.md", "The xylophone of Zanzibar is under the stairs.", "It costs 99 euros.")
    update(library, how)
    assert holding(library, "xylophone") and retrieval.open_index(library).search("xylophone")
    documents.place(library, gone).unlink()
    done = update(library, how)
    assert (done.removed, done.chunks) == (1, 6)
    for word in ("xylophone", "zanzibar", gone):
        assert holding(library, word) == []
    assert all("secret" not in hit.source for hit in retrieval.open_index(library).search("xylophone stairs", 20))


def test_the_offline_embedder_keeps_nothing_that_it_learned_from_a_deleted_text(tmp_path):
    library = filled(tmp_path)
    gone = put(library, "secret.md", "The xylophone of Zanzibar.")
    update(library)
    key = versions.Entry(Chunk("secret.md", "", "The xylophone of Zanzibar.", 0)).key
    assert key in retrieval.open_index(library).version.learned.learned
    documents.place(library, gone).unlink()
    update(library)
    left = retrieval.open_index(library).version
    assert key not in left.learned.learned and len(left.vectors) == 6
    fresh = offline.learn([entry.key for entry in left.entries], [entry.text for entry in left.entries])
    assert np.allclose(left.vectors, fresh.passages([entry.text for entry in left.entries]), atol=2e-3)


def test_a_deletion_does_not_wait_for_an_embedder_that_is_away(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "PAUSES", ())
    library = filled(tmp_path)
    with embedding_api.endpoint([]) as url:
        how = replace(LETTERS, embedder=f"{url}#points")
        gone = put(library, "secret.md", "The xylophone of Zanzibar.")
        update(library, how)
    documents.place(library, gone).unlink()
    put(library, "desk.md", "The desk is made of oak.")
    with pytest.raises(Problem):
        update(library, how)
    assert holding(library, "xylophone") == []
    assert len(retrieval.open_index(library).chunks) == 6  # the others are found as before


def test_a_library_without_documents_has_no_index(tmp_path):
    library = filled(tmp_path)
    update(library)
    for path in documents.held(library).values():
        path.unlink()
    assert update(library).chunks == 0
    assert holding(library, "kettle") == []
    with pytest.raises(Problem, match="There is no index"):
        retrieval.open_index(library)


def test_a_job_that_was_killed_goes_on_with_the_vectors_it_has(tmp_path):
    library, heard = tmp_path / "libraries" / "one", []
    for n in range(8):
        put(library, f"{n}.md", *[f"Fact {n}.{at} " + "is long " * at for at in range(indexing.BATCH // 4)])
    killed = threading.Event()

    def held() -> None:
        if len(heard) >= indexing.BATCH:  # the second batch
            killed.wait(LONG)

    with embedding_api.endpoint(heard, held=held) as url:
        spec = indexing.IndexSpec(str(library), settings.told(replace(LETTERS, embedder=f"{url}#points")))
        job = jobs.submit(tmp_path / "jobs", "index", spec, "alma")
        assert job.light
        jobs.start(job)
        until(lambda: list((library / growing.FOLDER).rglob("0*.npz")))
        os.killpg(processes.find(job.folder).pid, signal.SIGKILL)
        until(lambda: not job.live)
        killed.set()
        with pytest.raises(Problem, match="There is no index"):
            retrieval.open_index(library)
        jobs.resume(job)
        assert waited(job) == jobs.DONE
    done = events.last(job.folder, "end")
    assert done["embedded"] == 2 * indexing.BATCH - indexing.BATCH  # of two batches, one was there
    assert len(heard) <= 3 * indexing.BATCH
    assert len(retrieval.open_index(library).chunks) == 2 * indexing.BATCH
    assert not (library / growing.FOLDER).exists()
    told = events.read(job.folder)[0]
    assert any(event.get("now") == "embedding" and event.get("seconds_left") is not None for event in told)


def test_a_reader_never_sees_half_an_index(tmp_path):
    library = filled(tmp_path)
    update(library, WORDS)
    wrong, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            opened = retrieval.open_index(library)
            hits = opened.search("lamp kettle parcel number", 100)
            if len(opened.chunks) != len(opened.version.entries) or len(hits) < 4:
                wrong.append(len(hits))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for one in readers:
        one.start()
    for n in range(15):
        put(library, f"{n}.md", f"Number {n} is a number.")
        update(library, WORDS)
    stop.set()
    for one in readers:
        one.join()
    assert wrong == []
    assert len(list(library.glob("v-*"))) == 1 and list(library.glob(".v-*")) == []


def test_an_index_that_is_open_goes_on_when_another_takes_its_place(tmp_path):
    library = filled(tmp_path)
    update(library)
    opened = retrieval.open_index(library)
    before = opened.search("lamp", 2)
    put(library, "lamp.md", "It is green.")
    update(library)
    assert opened.search("lamp", 2) == before
    assert retrieval.open_index(library).search("lamp", 1, LEXICAL) == []


def test_vectors_of_two_embedders_are_never_compared(tmp_path):
    library = filled(tmp_path)
    with embedding_api.endpoint([]) as url:
        update(library, replace(LETTERS, embedder=f"{url}#points"))
        opened = retrieval.open_index(library)
        away = replace(opened.version.about, embedder="other@127.0.0.1")
        moved = retrieval.Index(library, replace(opened.version, about=away))
        with pytest.raises(Problem, match=r"was indexed with other@127\.0\.0\.1"):
            moved.search("lamp")


def test_an_embedder_that_cannot_be_had_is_one_clear_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "PAUSES", ())
    library = filled(tmp_path)
    for name, what in (
        ("https://api.mistral.ai", "names no model"),
        (
            "https://api.mistral.ai#mistral-embed#NO_SUCH_KEY",
            "has no NO_SUCH_KEY, which holds the key",
        ),
        ("http://127.0.0.1:9#points", "cannot be reached"),
    ):
        with pytest.raises(Problem, match=what):
            update(library, replace(LETTERS, embedder=name))
    monkeypatch.setattr(embedders.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Problem, match="sentence-transformers, which is not installed"):
        update(library, replace(LETTERS, embedder=str(tmp_path)))


def test_the_key_of_an_api_is_read_from_the_environment_and_kept_nowhere(tmp_path, monkeypatch):
    library = filled(tmp_path)
    with embedding_api.endpoint([], key="sesame-7713") as url:
        monkeypatch.setenv("POINTS_KEY", "sesame-7713")
        how = replace(LETTERS, embedder=f"{url}#points#POINTS_KEY")
        update(library, how)
        assert retrieval.open_index(library).search("lamp", 1)
        assert holding(library, "sesame") == []
        monkeypatch.setenv("POINTS_KEY", "wrong")
        put(library, "desk.md", "The desk is made of oak.")
        with pytest.raises(Problem, match="Check the key"):
            update(library, how)


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [
        ("de", "Die Versicherungen zahlen.", "versicherung"),
        ("fr", "Les chevaux galopaient dans l'herbe.", "galoper herbe"),
        ("es", "Las facturas fueron pagadas.", "factura pagar"),
        ("it", "I pagamenti dell'ordine.", "pagamento ordine"),
        ("nl", "De bestellingen zijn verzonden.", "bestelling"),
        ("pl", "Zwroty są bezpłatne dla klientów.", "klienta zwrotów"),
        ("cs", "Vrácení peněz zákazníkům.", "zákazníka"),
        ("sv", "Kunderna betalade räkningarna.", "räkning kund"),
        ("fi", "Asiakkaat maksoivat laskun taloissa.", "talossa"),
        ("hu", "A vásárlók fizettek.", "vásárló"),
        ("pt", "As devoluções são gratuitas.", "devolução"),
        ("ru", "Возвраты оплачиваются компанией.", "компания возврат"),
        ("el", "Οι επιστροφές είναι δωρεάν.", "επιστροφή"),
    ],
)
def test_words_meet_across_their_endings_in_the_language_of_the_document(tmp_path, language, text, query):
    library = tmp_path / "libraries" / "one"
    put(library, "a.md", text, language=language)
    put(library, "b.md", "Ganz etwas anderes.", language=language)
    update(library, WORDS)
    found = retrieval.open_index(library).search(query, 1)
    assert [hit.text for hit in found] == [text]


def test_a_compound_is_found_by_its_parts_where_the_library_knows_them(tmp_path):
    library = tmp_path / "libraries" / "one"
    put(library, "a.md", "Das Musiktheater wird renoviert.", language="de")
    put(library, "b.md", "Das Theater spielt. Die Musik ist laut.", language="de")
    put(library, "c.md", "Die Lampe leuchtet.", language="de")
    update(library, WORDS)
    opened = retrieval.open_index(library)
    assert {hit.source for hit in opened.search("Theater", 5)} == {"a.md", "b.md"}
    assert {hit.source for hit in opened.search("Musiktheater", 5)} == {"a.md", "b.md"}


def test_a_library_of_two_languages_is_searched_in_both(tmp_path):
    library = tmp_path / "libraries" / "one"
    put(library, "a.md", "Die Rechnungen kommen am Montag.", language="de")
    put(library, "b.md", "Invoices arrive on Monday.", language="en")
    update(library, WORDS)
    opened = retrieval.open_index(library)
    assert opened.search("Rechnung", 1)[0].source == "a.md"
    assert opened.search("which invoice", 1)[0].source == "b.md"


@pytest.mark.parametrize("text", ["Größenänderung möglich", "Возврат денег", "Επιστροφή χρημάτων"])
def test_letters_know_every_alphabet_of_europe(text):
    others = ["Something else entirely", "Noch ein anderer Satz", "Ещё одно предложение", "Μια άλλη πρόταση"]
    learned = offline.learn([str(n) for n in range(5)], [text, *others])
    cosines = learned.passages([text, *others]) @ learned.queries([text[:-2]])[0]
    assert int(cosines.argmax()) == 0 and cosines[0] > 0.5
    assert not learned.queries([""]).any()


def test_what_offline_learned_is_the_same_after_it_was_kept(tmp_path):
    texts = [text for paragraphs in FACTS.values() for text in paragraphs]
    learned = offline.learn([str(n) for n in range(6)], texts)
    learned.save(tmp_path)
    again = offline.load(tmp_path)
    assert (again.id, again.learned, again.n) == (learned.id, learned.learned, 6)
    assert np.array_equal(again.passages(texts), learned.passages(texts))
    assert "not meaning" in again.says
