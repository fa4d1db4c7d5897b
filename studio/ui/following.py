"""Following: the page goes along with what comes at its end, such as words of an answer, until the beginning of that
stands at the top; from there on it is read. Whoever scrolls meanwhile is left alone.
"""

from typing import Any

import streamlit as st

HTML = "<span hidden>following</span>"
JS = """
const HEAD = 72, BUTTONS = 130  // pixels: the bar above the page, and what is drawn below an answer once it is there

export default function () {
  const scroller = start => {
    for (let box = start.parentElement; box; box = box.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(box).overflowY) && box.scrollHeight > box.clientHeight) return box
    }
  }
  const follow = () => {
    const last = [...document.querySelectorAll('[class*="st-key-here-"]')].at(-1)
    const page = last && scroller(last)
    if (!page) return
    const floor = document.querySelector('[data-testid="stBottom"]')?.getBoundingClientRect().top ?? innerHeight
    const { top, bottom } = last.getBoundingClientRect()
    const way = Math.min(bottom + BUTTONS - floor, top - HEAD)
    if (way > 1) page.scrollBy({ top: way })
  }
  const watch = new MutationObserver(follow)
  const leave = () => watch.disconnect()
  const moves = ["wheel", "touchmove", "keydown", "mousedown"]
  watch.observe(document.body, { childList: true, subtree: true, characterData: true })
  moves.forEach(move => document.addEventListener(move, leave, true))
  follow()
  return () => {
    leave()
    moves.forEach(move => document.removeEventListener(move, leave, true))
  }
}
"""


def follow() -> None:
    """Go to the last container whose key begins with `here-`, and along with it, as long as this is drawn."""
    _component()(key="following", height=1)


@st.cache_resource
def _component() -> Any:
    return st.components.v2.component("atelier_following", html=HTML, js=JS)
