"""Keys: what the keyboard does on the page of examples, as a list for people, and the keys that are no button's."""

import html
from typing import Any

import streamlit as st

from studio.ui import parts

ANYWHERE = {"/": "Search", "?": "This list", "N": "Write a new example", "Esc": "Close the example"}
EDITOR = {
    "E": "Go to the answer and edit it",
    "Ctrl S": "Save",
    "Ctrl Enter": "Approve, and open the next",
    "Alt X": "Reject, and open the next",
    "Alt O": "Send to review",
    "Alt Down": "Next example",
    "Alt Up": "Previous example",
    "Alt U": "Undo the last save",
    "Alt M": "Bring in what somebody else has saved",
    "Ctrl Z": "Undo typing, in the text",
}
TURNS = {
    "Alt I": "Add a turn below",
    "Alt Delete": "Remove the turn",
    "Alt Z": "Bring a removed turn back",
    "Alt Page Up": "Move the turn up",
    "Alt Page Down": "Move the turn down",
    "Alt L": "Learn from this answer, or not",
}

HTML = """
<span hidden>keys</span>
"""
JS = """
export default function () {
  const heard = event => {
    const box = event.target
    const typing = box.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(box.tagName)
    if (event.ctrlKey || event.metaKey || event.altKey || typing) return
    const found = event.key === "/" ? document.querySelector('input[aria-label="Search"]')
      : event.key === "?" ? document.querySelector(".st-key-keys button")
      : event.key === "e" ? [...document.querySelectorAll(".desk .assistant-spoke textarea.words")].at(-1) : null
    if (!found) return
    event.preventDefault()
    if (found.tagName === "BUTTON") found.click()
    else { found.focus(); found.setSelectionRange?.(found.value.length, found.value.length) }
  }
  document.addEventListener("keydown", heard)
  return () => document.removeEventListener("keydown", heard)
}
"""


def listen() -> None:
    """Hear the keys that no button has, and offer the list of all."""
    _component()(key="keys-heard", height=1)
    with st.popover("Keys", icon=":material/keyboard:", type="tertiary", key="keys", width="content"):
        for title, keys in (("Anywhere", ANYWHERE), ("With an example open", EDITOR), ("Its turns", TURNS)):
            parts.label(title)
            lines = "".join(f"<dt><kbd>{html.escape(key)}</kbd></dt><dd>{what}</dd>" for key, what in keys.items())
            st.html(f'<dl class="keys">{lines}</dl>')


@st.cache_resource
def _component() -> Any:
    return st.components.v2.component("atelier_keys", html=HTML, js=JS)
