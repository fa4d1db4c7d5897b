"""Sift: the items of an evaluation as a table, worst first, a page at a time; one of them can be opened.

The database filters and orders; the browser is sent the rows of one page.
"""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from engine.scoring import known
from engine.scoring.scales import Scale
from studio.building import candidates
from studio.deciding import findings
from studio.judging import arrangements, results
from studio.judging.asking import DONE, FAILED, Said, Turn
from studio.judging.evaluations import Evaluation
from studio.judging.reports import Line
from studio.judging.results import Opened, Reply, Sought
from studio.store import Store
from studio.ui import chat, cited, fix, ledger, nav, notices, parts, state
from studio.writing.fixing import Bad

A_PAGE = 20
TOGETHER = 4  # candidates that stand side by side in the playground
SHOWN = {
    results.ALL: "All",
    results.WRONG: "Wrong",
    results.RIGHT: "Right",
    results.DIFFER: "Candidates differ",
    results.UNKNOWN: "Cannot tell",
    results.FAILED: "Failed",
}
OF_ALL = {results.WRONG: "Mostly wrong", results.RIGHT: "Half or more right"}  # where all candidates are taken together
SIGNS = {"yes": "✓", "no": "✗"}
# what else an item is held against -> in words
HELD = {"accept": "also right", "label": "label", "contains": "words", "pattern": "pattern", "number": "number",
        "calls": "tool calls", "tags": "tags", "document": "document"}  # fmt: skip


def items(
    store: Store, evaluation: Evaluation, lines: Sequence[Line], metric: str, inside: Sequence[str] | None = None
) -> None:
    """The list with its filters, of all items or of those `inside` a slice; below it the one that is open."""
    names = _names(lines)
    scale = lines[0].scale
    sought = _filters(store, evaluation, names, metric, scale, inside)
    n = results.counts(store, evaluation.id, sought).get(sought.show, 0)
    if not n:
        st.caption("No item like that.")
        return
    pages = -(-n // A_PAGE)
    key = f"{evaluation.id}-{hash(sought.about)}"
    page = st.pagination(pages, key=f"page-{key}") if pages > 1 else 1
    found = results.find(store, evaluation.id, sought, A_PAGE, (page - 1) * A_PAGE)
    closed = state.value(state.STEPS, 0)  # closing what is open starts the table anew, with no row picked
    picked = _table(found.rows, names, scale, f"items-{key}-{page}-{closed}")
    elsewhere = " By tag, language or length: under Slices." if inside is None else ""
    st.caption(f"{parts.count(n, 'item')}, worst first. Click one to read every answer to it below.{elsewhere}")
    if picked:
        state.ask(item=picked)
    if state.asked("item"):
        with st.container(border=True, key="opened"):
            opened(results.opened(store, evaluation.id, state.asked("item")), evaluation)


def _names(lines: Sequence[Line]) -> dict[str, str]:
    """What each candidate is called here; two of one name are told apart."""
    often = Counter(line.name for line in lines)
    return {
        line.candidate: line.name if often[line.name] == 1 else f"{line.name} ({line.candidate[:4]})" for line in lines
    }


def _filters(
    store: Store,
    evaluation: Evaluation,
    names: Mapping[str, str],
    metric: str,
    scale: Scale,
    inside: Sequence[str] | None,
) -> Sought:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        whose = st.selectbox(
            "Whose answers", ["", *names], key=f"whose-{evaluation.id}", width=260, persist_state="session",
            format_func=lambda id: names.get(id, "All candidates"),
        )  # fmt: skip
        text = st.text_input(
            "Words", key=f"words-{evaluation.id}", placeholder="In question, answer or expectation", width=280,
            persist_state="session",
        )  # fmt: skip
    sought = Sought(metric, whose or "", results.ALL, (text or "").strip(), inside)
    counts = results.counts(store, evaluation.id, sought)
    called = SHOWN if whose else SHOWN | OF_ALL
    # half a point is neither right nor wrong where answers are not one or the other
    ways = [way for way in SHOWN if counts.get(way) and (scale.yes_no or way not in (results.WRONG, results.RIGHT))]
    show = st.segmented_control(
        "Which", ways, default=ways[0] if ways else None, required=bool(ways), key=f"kind-{evaluation.id}-{metric}",
        format_func=lambda way: f"{called[way]} {counts[way]:,}", label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    return Sought(metric, whose or "", show or results.ALL, (text or "").strip(), inside)


def _table(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], scale: Scale, key: str) -> str:
    """The rows of one page; the item that was clicked, '' for none."""
    table = pd.DataFrame(
        {"Question": row["prompt"], **{names[id]: _cell(row["values"].get(id), scale) for id in names},
         "Expected": row["expected"] or ""}
        for row in rows
    )  # fmt: skip
    columns = {name: st.column_config.TextColumn(width=120) for name in names.values()}
    picked: Any = st.dataframe(
        table,
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={"Question": st.column_config.TextColumn(width=300), **columns},
    )
    cells = picked.selection.cells
    return str(rows[cells[0][0]]["item"]) if cells else ""


def _cell(value: Any, scale: Scale) -> str:
    if value == results.FAILED:
        return "failed"
    said = scale.value_text(value)
    return SIGNS.get(said, said)


def opened(one: Opened, evaluation: Evaluation) -> None:
    """One item: what was asked and expected, and every answer with its scores, its passages and what it took."""
    *before, last = one.body["messages"]
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        parts.label("Question")
        if st.button("Close", icon=":material/close:", type="tertiary", key="close-item", on_click=state.step):
            state.ask(item="")
            st.rerun()
    chat.words(str(last.get("content") or ""), large=True)
    if before:
        with st.expander(parts.count(len(before), "message") + " before it", type="compact"):
            for message in before:
                parts.label(str(message["role"]))
                chat.words(str(message.get("content") or ""))
    if one.body.get("answer"):
        parts.label("Expected")
        chat.words(str(one.body["answer"]))
    held = [f"{words}: {_short(one.body[key])}" for key, words in HELD.items() if _told(one.body, key)]
    if held:
        st.caption(notices.plain(" · ".join(held)))
    with st.grid(2, min_column_width=380):
        for at, reply in enumerate(one.replies):
            with st.container(border=True, gap="small", key=f"reply-{at}"):
                _reply(reply, one, evaluation, f"{one.item}-{at}")
    _again(one)


def _again(one: Opened) -> None:
    """The way to the playground, with this question and the candidates as they were asked; not where a conversation
    stands before it, with which the playground cannot begin."""
    *before, last = one.body["messages"]
    if last["role"] != "user" or any(message["role"] != "system" for message in before):
        return
    if not st.button("Ask it again in the playground", icon=nav.place("playground").symbol, key="again"):
        return
    store, own = state.store(), before[0]["content"] if before else ""
    ids = list(dict.fromkeys(reply.candidate for reply in one.replies))[:TOGETHER]
    asked = [candidates.get(store, id) for id in ids]
    chosen = [candidates.like(store, who, state.me(), system=who.system or own) for who in asked]
    first = {reply.candidate: reply for reply in reversed(one.replies)}
    told = [(who.system, candidates.shown(store, who, [last])) for who in chosen]
    said = tuple(_said(first[id], *one) for id, one in zip(ids, told, strict=True))
    turn = Turn(str(last["content"]), said)
    nav.goto("playground", arrangement=arrangements.keep(store, chosen, [turn], state.me()))


def _said(reply: Reply, system: str, shown: list[dict[str, str]]) -> Said:
    """An answer of the evaluation as the playground shows it."""
    told = reply.response
    return Said(
        reply.name, FAILED if told["error"] else DONE, told["text"], reply.passages, told["tokens_out"],
        told["seconds"], told["first_token_seconds"], told["cost"], told["error"], system, shown,
    )  # fmt: skip


def _told(body: Mapping[str, Any], key: str) -> bool:
    return bool(body.get(key)) and body[key] != body.get("answer")


def _short(value: Any) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return said if len(said) <= 120 else said[:119] + "…"


def _reply(reply: Reply, one: Opened, evaluation: Evaluation, key: str) -> None:
    said = reply.response
    st.markdown(f"**{notices.plain(reply.name)}**" + (f" · answer {said['repeat'] + 1}" if said["repeat"] else ""))
    if said["error"]:
        st.error(notices.plain(said["error"]), icon=":material/error:")
        return
    words = html.escape(said["text"].strip()) or "<i>(no words)</i>"
    st.html(f'<div class="said">{cited.numbered(words, reply.passages)}</div>')
    if said["calls"] not in (None, "[]"):
        st.code(said["calls"], language="json", wrap_lines=True)
    st.caption(_took(said))
    if reply.passages:
        chat.passages(reply.passages)
    store = state.store()
    if shown := candidates.shown(store, candidates.get(store, reply.candidate), one.body["messages"]):
        chat.examples(shown)
    scores = {name: reply.scores[name] for name in evaluation.metrics if name in reply.scores}
    cells = "".join(
        f'<div class="verdict"><b>{html.escape(name)}</b><span>'
        f"{html.escape(_cell(score['value'], known.scale(name, _values(score))))}</span>"
        f"<span>{html.escape(score['why'])}</span></div>"
        for name, score in scores.items()
    )
    st.html(f'<div class="verdicts each">{cells}</div>')
    told = ledger.draw(scores, said["id"], len(reply.passages))
    for name, score in scores.items():
        if name not in told:
            _made_of(name, score["detail"])
    origin = f"the evaluation “{evaluation.name}”, answered by {reply.name}"
    fix.button(Bad(one.body["messages"], said["text"], origin, one.item), key, evaluation.items.split(" · ")[0])


def _values(score: Mapping[str, Any]) -> list[float]:
    return [] if score["value"] is None else [score["value"]]


def _took(said: Mapping[str, Any]) -> str:
    first = said["first_token_seconds"]
    told = [
        f"{said['tokens_in']} tokens read, {said['tokens_out']} written",
        f"{said['seconds']:.1f} s" + (f" (first word after {first:.1f} s)" if first else ""),
        findings.euros(said["cost"]) if said["cost"] is not None else "",
        "taken from an earlier, same request" if said["kept"] else "",
        "cut off at its longest" if said["finish"] == "length" else "",
    ]
    return " · ".join(one for one in told if one)


def _made_of(name: str, detail: Mapping[str, Any] | None) -> None:
    """What a score is made of, where it is more than counts: claims with their verdicts, labels with their chances."""
    lists = {key: rows for key, rows in (detail or {}).items() if isinstance(rows, list) and rows}
    tables = {key: rows for key, rows in lists.items() if isinstance(rows[0], dict | list | tuple)}
    if not tables:
        return
    with st.expander(f"What {name} is made of", type="compact"):
        for rows in tables.values():
            frame = pd.DataFrame(rows)
            if not isinstance(rows[0], dict):
                frame.columns = ["label", "chance"][: frame.shape[1]]
            st.dataframe(frame.astype(str), hide_index=True)
