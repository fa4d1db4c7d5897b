"""Data health as a page: before a scan, after it, and what its buttons do."""

from engine import jobs
from studio.data import examples
from studio.quality import scans
from tests.conftest import look, words
from tests.patience import waited


def test_before_a_scan_the_page_says_that_it_cannot_tell(app, full):
    found = look(app, "health", dataset="tone")
    assert not found.exception
    assert "Cannot tell yet" in words(found) and "never scanned" in words(found)


def test_without_a_dataset_the_page_asks_for_one(app):
    assert "No dataset yet" in words(look(app, "health"))


def test_after_a_scan_it_shows_the_score_and_each_view(app, full):
    made = scans.start(full.store, "tone", "ada")
    assert waited(made.job) == jobs.DONE, jobs.why(made.job.folder)
    for view in ("duplicates", "coverage", "spread", "style", "personal", "form"):
        found = look(app, "health", dataset="tone", show=view)
        assert not found.exception and not found.error, view
        assert "of 100" in words(found) and "Enough approved examples" in words(found)
    examples.write(
        full.store, "tone", [{"role": "user", "content": "?!"}, {"role": "assistant", "content": "Yes."}], "bo"
    )
    assert "1 changed since" in words(look(app, "health", dataset="tone"))
