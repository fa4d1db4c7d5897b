"""Checkup: the parts of Data health as they are drawn: the score, pairs side by side, spreads, the map."""

import html
import json
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from engine.data import language
from engine.privacy import personal
from engine.quality.readiness import Part, Readiness
from studio.data import bulk, examples
from studio.data.examples import REJECTED, Example
from studio.quality import nearness, scans
from studio.quality.scans import Finding, Scan
from studio.ui import charts, chat, nav, notices, parts, state

A_PAGE = 5
HOW = {"exact": "the same words", "near": "nearly the same words", "meaning": "much the same by embedding"}


def score(found: Readiness) -> None:
    """The number and what it is made of, each part with what it would gain."""
    rows = "".join(_row(part) for part in (found.amount, *found.parts))
    # the accent comes from the theme in use, which a sheet of ours cannot name
    accent = st.get_option("theme.primaryColor") or "#b5482a"
    st.html(f'<table class="readiness" style="--accent: {accent}"><tbody>{rows}</tbody></table>')


def _row(part: Part) -> str:
    width = 0 if part.value is None else round(100 * part.value)
    bar = '<span class="unknown"></span>' if part.value is None else f'<span style="width:{width}%"></span>'
    gain = f"+{part.gain:.0f}" if part.gain >= 0.5 else ""
    return (
        f"<tr><th>{html.escape(part.title)}</th><td><div class='measure'>{bar}</div></td>"
        f"<td class='says'>{html.escape(part.says)}</td><td class='gain'>{gain}</td></tr>"
    )


def duplicates(scan: Scan, n: int) -> None:
    """Pairs side by side, the differing words marked, and a decision for each."""
    store, me = state.store(), state.me()
    if not n:
        notices.empty("No repeats", "No example says what another says already.", "filter_none")
        return
    found = scans.open_findings(store, scan, "duplicate", limit=A_PAGE)
    exact = [one for one in scans.open_findings(store, scan, "duplicate", limit=5000) if one.body["how"] == "exact"]
    st.markdown(
        f"**{parts.count(n, 'example')}** say what another says. A model learns a repeated answer by heart, and a "
        "repeat on both sides of a split makes the test too easy."
    )
    if len(exact) > 1 and notices.sure(
        f"Reject all {len(exact):,} exact copies",
        "Of each group the first one stays. Rejected examples are kept and can be taken back.",
        "Reject them",
        key="reject-exact",
        icon="layers_clear",
    ):
        copies = [examples.get(store, scan.dataset, entry) for entry in dict.fromkeys(one.other for one in exact)]
        done = examples.edit_many(store, bulk.judged(copies, REJECTED), me)
        notices.later(f"{parts.count(len(done.versions), 'exact repeat')} rejected.")
        st.rerun()
    for one in found:
        _twins(scan.dataset, one)
    if n > len(found):
        st.caption(f"More follow once these are settled: {n:,} in all.")


def _twins(dataset: str, one: Finding) -> None:
    store, me = state.store(), state.me()
    left, right = (examples.get(store, dataset, entry) for entry in (one.entry, one.other))
    key = f"{left.entry}-{left.version}-{right.entry}-{right.version}"
    asked, answered = chat.compared(left.prompt, right.prompt), chat.compared(left.answer, right.answer)
    with st.container(border=True, gap="small"):
        cosine = f" · cosine {one.body['cosine']:.2f}" if "cosine" in one.body else ""
        st.caption(f"{HOW[one.body['how']].capitalize()} · {100 * one.score:.0f} % of words in common{cosine}")
        for column, example, side in zip(st.columns(2, gap="large"), (left, right), (0, 1), strict=True):
            with column:
                made = f"{notices.plain(example.source)}, {parts.ago(example.made_at)}"
                st.markdown(f"{parts.badge_text(example.status)} :gray[{made}]")
                parts.label("What came in")
                st.html(asked[side])
                parts.label("Answer")
                st.html(answered[side])
        with st.container(horizontal=True, gap="small"):
            for label, icon, dropped in (("Keep left", "arrow_back", right), ("Keep right", "arrow_forward", left)):
                if st.button(label, icon=f":material/{icon}:", key=f"{label}-{key}"):
                    with notices.told():
                        examples.edit(store, dropped, me, status=REJECTED)
                        notices.later("One stays; the other is rejected.")
                        st.rerun()
            if st.button("Keep both", icon=":material/done_all:", type="tertiary", key=f"both-{key}"):
                scans.keep_both(store, dataset, left.entry, right.entry, me)
                notices.later("Both stay; this pair is not shown again.")
                st.rerun()


def listed(scan: Scan, kinds: Sequence[str], nothing: str) -> None:
    """Examples with a finding of these kinds: why, the words (personal data masked), and the way to the example."""
    found = [one for kind in kinds for one in scans.open_findings(state.store(), scan, kind, limit=20)]
    if not found:
        notices.empty("Nothing found", nothing, "check_circle")
        return
    for one in found[:20]:
        example = examples.get(state.store(), scan.dataset, one.entry)
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            with st.container(gap=None):
                st.markdown(f"**{one.kind}** {notices.plain(_why(one))}")
                st.caption(notices.plain(_masked(example, one)))
            if st.button("Open", key=f"open-{one.kind}-{one.entry}"):
                nav.goto("examples", dataset=scan.dataset, entry=one.entry)
    if len(found) > 20:
        st.caption("More follow once these are mended.")


def _why(one: Finding) -> str:
    if "spans" in one.body:
        counts = pd.Series([span["kind"] for span in one.body["spans"]]).value_counts()
        return personal.kinds_said({str(kind): int(n) for kind, n in counts.items()})
    return str(one.body.get("why", ""))


def _masked(example: Example, one: Finding) -> str:
    """The message with the finding, what was found replaced by its kind; else the answer."""
    spans = one.body.get("spans", [])
    if not spans:
        return example.answer[:200]
    number = spans[0]["message"]
    words = str(example.messages[number].get("content") or "")
    for span in sorted(spans, key=lambda span: -span["start"]):
        if span["message"] == number:
            words = f"{words[: span['start']]}[{span['kind']}]{words[span['end'] :]}"
    return words[:240]


def spread(summary: dict[str, object]) -> None:
    """Lengths, labels and languages."""
    left, right = st.columns(2, gap="large")
    with left:
        told = json.loads(json.dumps(summary["lengths"]))
        parts.label(f"Words of an answer, median {told['median']:.0f}, n = {told['n']:,}")
        names = [f"{a + 1}-{b}" for a, b in zip([0, *told["bins"]], told["bins"], strict=False)]
        _bars([*names, f"over {told['bins'][-1]:,}"], told["counts"], "lengths", "How long answers are, in words")
        tongues = json.loads(json.dumps(summary["languages"]))
        parts.label(f"Languages, n = {tongues['n']:,}")
        st.markdown("  \n".join(f"{language.name(code)} **{n:,}**" for code, n in tongues["counts"].items()))
    with right:
        balance = json.loads(json.dumps(summary.get("balance")))
        if not balance:
            parts.label("Labels")
            st.caption(
                "Answers are sentences and there are no tags such as topic:payment, so there is no balance to show."
            )
            return
        parts.label(f"By {balance['by']}, n = {balance['n']:,}")
        top = list(balance["counts"].items())[:20]
        figure = go.Figure(layout=charts.layout(60 + 22 * len(top)))
        figure.add_bar(y=[name for name, _ in top], x=[n for _, n in top], orientation="h", marker_color=charts.SECOND)
        figure.update_yaxes(autorange="reversed", showgrid=False)
        charts.show(figure, "balance", f"How often each {balance['by']} occurs")
        if balance["classes"] > len(top):
            st.caption(f"The 20 commonest of {balance['classes']}.")


def _bars(names: Sequence[str], counts: Sequence[int], key: str, alt: str) -> None:
    last = max((at for at, n in enumerate(counts) if n), default=0) + 1
    figure = go.Figure(layout=charts.layout(240))
    figure.add_bar(x=list(names)[:last], y=list(counts)[:last], marker={"color": charts.ACCENT, "cornerradius": 4})
    figure.update_xaxes(type="category", showgrid=False)
    charts.show(figure, key, alt)


def coverage(dataset: str) -> None:
    """The map, and the topics in which examples are missing."""
    found = nearness.topics(state.store(), dataset)
    if found is None:
        text = "A map needs two dozen examples; a large dataset is drawn when it is scanned."
        notices.empty("No map yet", text, "map")
        return
    said = f"{len(found.topics)} topics on a map, {len(found.gaps)} of them thin"
    charts.show(charts.topics(found.points, found.topics), "topics", said)
    st.caption(f"{found.n:,} of {found.of:,} examples. Near means that they share words, not that they mean the same.")
    rows = [
        {"Topic": topic.name, "Examples": topic.n, "Approved": topic.approved, "": "gap" if topic.gap else ""}
        for topic in [*found.gaps, *(topic for topic in found.topics if not topic.gap)]
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
