"""Data health: how ready a dataset is, what speaks against it, and the next best thing to do."""

import streamlit as st

from engine import jobs
from engine.quality.readiness import Part
from studio import work
from studio.data.datasets import Dataset
from studio.quality import health, scans
from studio.quality.health import Health
from studio.quality.scans import Scan
from studio.ui import checkup, live, nav, notices, parts, rooms, state

VIEWS = {
    "duplicates": "Repeats",
    "coverage": "Topics",
    "spread": "Spread",
    "style": "Style",
    "personal": "Personal data",
    "form": "Form",
}
GOES = {  # part -> the page that betters it, and what to look at there; the others are views of this page
    "enough": ("examples", {}),
    "review": ("examples", {"status": "in review"}),
    "contradictions": ("workbench", {"show": "contradictions"}),
    "style": ("workbench", {}),
}
SEEN_HERE = {"content": "personal", "languages": "form", "balance": "spread"}

store, me = state.store(), state.me()


def checked(dataset: Dataset) -> None:
    scan = scans.newest(store, dataset.name)
    running = scan if scan and scan.live else None
    if running:
        live.watch(watched, running.id, live=True, every="1s")
    elif scan and scan.state == jobs.FAILED:
        with st.expander("The last scan failed", icon=":material/error:", expanded=True):
            st.code(jobs.why(scan.job.folder), language=None, wrap_lines=True)
    found = health.look(store, dataset.name)
    head(dataset, found, busy=running is not None)
    if found.scan:
        views(dataset, found, found.scan)
    parts.command("atelier", "scan", dataset.name)


def watched(id: str) -> bool:
    """How far the scan is; says whether more is coming."""
    scans.catch_up(store)
    scan = scans.get(store, id)
    told = scan.progress
    with st.container(horizontal=True, vertical_alignment="center"):
        if told:
            left = f", about {parts.lasting(told['seconds_left'])} left" if told.get("seconds_left") else ""
            st.progress(told["done"] / told["of"], text=f"Scanning: {told['now']}{left}")
        else:
            st.progress(0.0, text="The scan waits for its turn.")
        if scan.live and st.button("Stop", icon=":material/stop_circle:", key="stop-scan"):
            work.stop(store, scan, me)
    return scan.live


def head(dataset: Dataset, found: Health, *, busy: bool) -> None:
    ready = found.readiness
    st.space("small")
    left, right = st.columns([1, 2], gap="large")
    with left:
        parts.label("Readiness")
        told = ready.score is not None and found.scan is not None
        st.markdown(f"# {ready.score:.0f} :small[of 100]" if told else "# Cannot tell yet", anchors=False)
        if not told:
            st.markdown("Nobody has looked through these examples yet. A scan of a few thousand takes under a minute.")
        elif ready.known < 1:
            st.caption(f"From what could be looked at: {100 * ready.known:.0f} % of the weight.")
        st.caption(_when(found))
        if st.button("Scan now", icon=":material/ecg_heart:", type="secondary" if told else "primary", disabled=busy):
            with notices.told():
                scans.start(store, dataset.name, me)
                st.rerun()
        if told and ready.next:
            parts.label("The next best thing to do")
            if st.button(
                f"{ready.next.do} (+{ready.next.gain:.0f})", icon=":material/arrow_forward:", type="primary", key="next"
            ):
                go(dataset, ready.next)
    with right:
        parts.label("What it is made of")
        checkup.score(ready)
        st.caption("How much times how good: the number of approved examples counts up to 500, then care alone counts.")


def _when(found: Health) -> str:
    if found.scan is None:
        return f"{parts.count(found.n, 'example')}, never scanned."
    changed = f"{found.changed:,} changed since" if found.changed else "nothing has changed since"
    return f"Scanned {parts.ago(found.scan.made_at)}, {parts.count(found.scan.summary['n'], 'example')}; {changed}."


def go(dataset: Dataset, part: Part) -> None:
    """Where a part is bettered: another page, or a view of this one."""
    if part.name in GOES:
        page, asked = GOES[part.name]
        nav.goto(page, dataset=dataset.name, **asked)
    state.ask(show=SEEN_HERE.get(part.name, part.name))
    st.rerun()


def views(dataset: Dataset, found: Health, scan: Scan) -> None:
    asked = state.asked("show") if state.asked("show") in VIEWS else "duplicates"
    st.space("small")
    chosen = st.segmented_control(
        "Look at",
        list(VIEWS),
        default=asked,
        required=True,
        format_func=lambda name: f"{VIEWS[name]}{_count(found, name)}",
        key=f"view-{dataset.name}-{asked}",
        label_visibility="collapsed",
    )
    if chosen != asked:
        state.ask(show=str(chosen))
        st.rerun()
    if chosen == "duplicates":
        checkup.duplicates(scan, found.open.get("duplicate", 0))
    elif chosen == "coverage":
        checkup.coverage(dataset.name)
    elif chosen == "spread":
        checkup.spread(scan.summary)
    elif chosen == "style":
        checkup.listed(scan, ("style",), "No answer breaks the style guide, or there is none yet.")
    elif chosen == "personal":
        text = "No personal data, secret or rude word was found. What no pattern knows is not found."
        checkup.listed(scan, ("personal", "secret", "toxic"), text)
    else:
        text = "No answer is empty, cut off, an echo of its question, very long or in another language."
        checkup.listed(scan, (*health.FORM, "language"), text)


def _count(found: Health, view: str) -> str:
    kinds = {
        "duplicates": ("duplicate",),
        "style": ("style",),
        "personal": ("personal", "secret", "toxic"),
        "form": (*health.FORM, "language"),
    }
    n = sum(found.open.get(kind, 0) for kind in kinds.get(view, ()))
    return f" {n:,}" if n else ""


scans.catch_up(store)
entered = rooms.enter("health", "What speaks against training on these examples, and the next best thing to do.")
if entered is not None:
    checked(entered)
