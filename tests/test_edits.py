"""What a person changed in a table, as changes to named rows."""

from studio.ui.edits import Changes, changes

IDS = ["a", "b", "c"]
ROWS = [{"status": "draft", "note": ""}, {"status": "approved", "note": ""}, {"status": "draft", "note": "odd"}]


def test_an_edit_is_joined_to_the_id_of_its_row():
    found = changes(IDS, ROWS, {"edited_rows": {1: {"status": "rejected"}}})
    assert found == Changes({"b": {"status": "rejected"}}, [], [])


def test_a_value_set_back_to_what_it_was_is_no_change():
    found = changes(IDS, ROWS, {"edited_rows": {0: {"status": "draft"}, 2: {"status": "draft", "note": "fine"}}})
    assert found == Changes({"c": {"note": "fine"}}, [], [])
    assert not changes(IDS, ROWS, {"edited_rows": {0: {"status": "draft"}}})


def test_positions_may_come_as_text():
    """The browser sends JSON, whose keys are texts."""
    assert changes(IDS, ROWS, {"edited_rows": {"2": {"status": "approved"}}}).edited == {"c": {"status": "approved"}}


def test_a_row_that_was_edited_and_then_deleted_is_deleted():
    found = changes(IDS, ROWS, {"edited_rows": {0: {"status": "approved"}}, "deleted_rows": [2, 0]})
    assert found == Changes({}, [], ["a", "c"])


def test_added_rows_come_whole_and_blank_ones_not_at_all():
    found = changes(IDS, ROWS, {"added_rows": [{"status": "draft"}, {"note": ""}, {}]})
    assert found.added == [{"status": "draft"}]


def test_no_delta_is_no_change():
    assert not changes(IDS, ROWS, {"edited_rows": {}, "added_rows": [], "deleted_rows": []})
