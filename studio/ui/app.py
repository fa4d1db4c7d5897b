"""The entry of the pages: page config, navigation, who sits here. It lies here and not beside studio/,
since Streamlit puts this folder first on the path of imports."""

from pathlib import Path

import streamlit as st

from studio.ui import address, nav, notices, seat

HERE = Path(__file__).parent

st.set_page_config(
    page_title="Atelier", page_icon=HERE / "static" / "mark.svg", layout="wide", initial_sidebar_state="auto"
)
st.logo(HERE / "static" / "logo.svg", icon_image=HERE / "static" / "mark.svg", size="large")
st.html(HERE / "style.css")

page = nav.navigation()
with notices.shown():
    with st.sidebar:
        seat.choose()
        address.settle()
    page.run()
