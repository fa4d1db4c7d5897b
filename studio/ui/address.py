"""Address: a page that is one place whatever its address says has one entry in the browser's history.

Streamlit makes an entry of every change of the address, so the way back would lead through what nobody went to.
"""

import json

import streamlit as st

ONE_PLACE = ("playground",)  # what its address holds finds it again after a reload, and leads nowhere else

SCRIPT = """<script>
if (!history.pushState.settled) {
  const push = history.pushState, pages = %s
  history.pushState = function (state, title, url) {
    const to = new URL(url ?? location.href, location.href)
    const stays = to.pathname === location.pathname && pages.includes(to.pathname.split("/").pop())
    return stays ? history.replaceState(state, title, url) : push.call(history, state, title, url)
  }
  history.pushState.settled = true
}
</script>"""


def settle() -> None:
    """Have the browser replace the address of such a page where Streamlit would add one. Drawn once a window."""
    st.html(SCRIPT % json.dumps(ONE_PLACE), unsafe_allow_javascript=True)
