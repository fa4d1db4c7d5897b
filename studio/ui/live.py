"""Live: what draws itself again while a job runs, and stops doing so when it has ended."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.problems import Problem
from studio.ui import notices


def watch(draw: Callable[..., bool], *arguments: Any, live: bool, every: str = "2s") -> None:
    """Call `draw(*arguments)`, again every so often while `live`. It says whether all still goes on as before.

    When it does not, the whole page is drawn once more, with a timer only if there is still something to wait for. A
    Problem is told where it happens: a timer draws without the page around it.
    """

    def again() -> None:
        try:
            ended = not draw(*arguments)
        except Problem as problem:
            notices.tell(problem)
            return
        if ended and live:
            st.rerun()

    st.fragment(run_every=every if live else None)(again)()
