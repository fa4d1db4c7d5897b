"""Coverage: what a dataset is about, as topics on a map, and where an example is missing."""

import streamlit as st

from engine.quality.topics import Topic
from studio.quality import nearness
from studio.quality.nearness import Topics
from studio.ui import bench, charts, notices, parts, state
from studio.writing import fixing


def show(dataset: str) -> None:
    with st.spinner("Drawing the map"):
        found = nearness.topics(state.store(), dataset)
    if found is None:
        text = "A map needs some two dozen examples; a large dataset needs a scan under Data health first."
        notices.empty("Too little to draw a map", text, "map")
        return
    n = parts.count(found.n, "example")
    st.markdown(
        f"**{parts.count(len(found.topics), 'topic')}** in {n}{'' if found.n == found.of else f' of {found.of:,}'}, "
        "grouped by the words they share, not by what they mean."
    )
    left, right = st.columns([3, 2], gap="large")
    with left:
        said = "; ".join(f"{topic.name}: {topic.n}" for topic in found.topics)
        charts.show(charts.topics(found.points, found.topics), f"topics-{dataset}", f"A map of topics. {said}")
    with right:
        gaps(dataset, found)


def gaps(dataset: str, found: Topics) -> None:
    """The topics with few approved examples, and the way to write one."""
    parts.label("Where examples are missing")
    if not found.gaps:
        st.caption("No topic stands out: each has its share of approved examples.")
    for topic in found.gaps:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{notices.plain(topic.name)}**")
                st.caption(f"{topic.approved} approved of {topic.n}")
            if st.button("Write one here", icon=":material/add:", key=f"gap-{topic.number}"):
                state.ask(show="")
                bench.go(fixing.blank(state.store(), dataset, state.me(), _wanted(found, topic)))


def _wanted(found: Topics, topic: Topic) -> str:
    near = found.points[found.points["topic"] == topic.number]["prompt"].head(2)
    return f"Wanted: {topic.name} ({topic.approved} approved of {topic.n}). Such as: {' · '.join(near)}"
