"""The studio's own round: queue, servers, what jobs have left. One step that fails keeps nobody else from its turn."""

import logging
import threading

from studio import server


def test_a_step_that_fails_is_logged_and_the_others_have_their_turn_in_every_round(store, monkeypatch, caplog):
    seen, ending = [], threading.Event()

    def broken(store):
        seen.append("broken")
        raise OSError("no space left on device")

    def whole(store):
        seen.append("whole")
        if seen.count("whole") == 2:
            ending.set()

    monkeypatch.setattr(server, "BROUGHT", (broken, whole))
    with caplog.at_level(logging.ERROR, "atelier"):
        server._keep_going(store, ending, every=0.01)
    assert seen == ["broken", "whole"] * 2
    assert "no space left on device" in caplog.text and "tried again" in caplog.text
