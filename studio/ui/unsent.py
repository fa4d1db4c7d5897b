"""Unsent: what is typed into a field and not sent yet outlives a reload and a look at another page.

Streamlit hears of such words only when they are sent, so the browser keeps them, in the storage of its tab; they are
put back into an empty field, and let go once it is empty again. Nothing of them reaches the studio.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from studio.ui import state

CHAT = '[data-testid="stChatInputTextArea"]'
HTML = "<span hidden>unsent</span>"
JS = """
const setter = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set
// the fields that have their words back, whichever drawing of this page gave them
const found = (window.atelierUnsent ??= new WeakMap())

export default function ({ data }) {
  const drawers = Object.entries(data.fields).map(([name, field]) => [`atelier-unsent-${data.whose}-${name}`, field])
  const bring = () => {
    for (const [drawer, field] of drawers) {
      const box = document.querySelector(field)
      if (!box || box.disabled || found.get(box) === drawer) continue
      found.set(box, drawer)
      const words = sessionStorage.getItem(drawer)
      if (!words || box.value) continue
      setter.call(box, words)  // React looks at its own value unless it is set past it
      box.dispatchEvent(new Event("input", { bubbles: true }))
    }
  }
  const keep = () => {
    for (const [drawer, field] of drawers) {
      const box = document.querySelector(field)
      if (!box || found.get(box) !== drawer) continue
      if (box.value) sessionStorage.setItem(drawer, box.value)
      else sessionStorage.removeItem(drawer)
    }
  }
  const later = () => setTimeout(keep, 50)  // a field is emptied only after the key or the click that sends it
  const heard = { input: keep, keydown: later, click: later }
  const watch = new MutationObserver(bring)
  Object.entries(heard).forEach(([kind, then]) => document.addEventListener(kind, then, true))
  watch.observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] })
  keep()  // what was typed or emptied while the page was drawn anew
  bring()
  return () => {
    watch.disconnect()
    Object.entries(heard).forEach(([kind, then]) => document.removeEventListener(kind, then, true))
  }
}
"""


def keep(fields: Mapping[str, str]) -> None:
    """Keep the words of these text areas for this person and tab: a name of each, and how it is found on the page."""
    _component()(key="unsent", data={"whose": state.me(), "fields": dict(fields)}, height=1)


@st.cache_resource
def _component() -> Any:
    return st.components.v2.component("atelier_unsent", html=HTML, js=JS)
