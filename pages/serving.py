"""Serving: which models answer now, how they do, what is loaded, and who has the GPU."""

from dataclasses import replace

import streamlit as st

from engine import sizes
from engine.queue import REFUSE, STOP, WAIT
from engine.serving import holding
from studio import work
from studio.building import models, serving
from studio.building.models import Model
from studio.building.serving import Serving
from studio.ui import live, nav, notices, order, parts, state

store, me = state.store(), state.me()
BADGES = {
    serving.ANSWERS: "green-badge[:material/check: answers]",
    serving.LOADING: "primary-badge[:material/autorenew: loading]",
    serving.SILENT: "orange-badge[:material/hourglass_empty: gives no sign]",
    serving.AWAY: "orange-badge[:material/restart_alt: starting anew]",
    serving.ENDED: "gray-badge[:material/stop_circle: ended]",
}
ENDED_SHOWN = 3
RUN_WANTS = {
    WAIT: "The run waits until nobody asks the server",
    STOP: "The server is stopped",
    REFUSE: "The run is refused",
}
SERVER_WANTS = {
    WAIT: "The server waits for the run, then says so",
    STOP: "The run is paused",
    REFUSE: "The server is refused",
}


def gpu() -> None:
    """Who has it, and who makes way; nothing on a machine without one."""
    words = holding.said(store.home.root)
    if not words:
        return
    rules = work.rules(store)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="gpu"):
        st.markdown(f":material/memory: {notices.plain(words)}", width="stretch")
        with st.popover("When two want it", icon=":material/rule:", key="gpu-rules"):
            run = st.radio(
                "A run wants it and a server has it", list(RUN_WANTS), list(RUN_WANTS).index(rules.server_has_gpu),
                format_func=RUN_WANTS.__getitem__, key="gpu-run",
            )  # fmt: skip
            server = st.radio(
                "A server wants it and a run has it", list(SERVER_WANTS), list(SERVER_WANTS).index(rules.run_has_gpu),
                format_func=SERVER_WANTS.__getitem__, key="gpu-server",
            )  # fmt: skip
            if st.button("Save", type="primary", key="gpu-save"):
                work.rule(store, replace(rules, server_has_gpu=run, run_has_gpu=server), me)
                notices.later("The rule is kept.")
                st.rerun()


def begin(known: list[Model]) -> None:
    """The form that starts a server."""
    program, usual = serving.vllm(), serving.program(None)
    left, middle, right = st.columns([3, 3, 2])
    name = left.selectbox("Model", [model.name for model in known], key="serve-model")
    kinds = {program: "vLLM", "": "Our own server (small models, no GPU)"}
    offered = [one for one in kinds if one == "" or program]
    chosen = middle.selectbox(
        "With", offered, offered.index(usual), format_func=kinds.__getitem__, key="serve-with",
        help="" if program else "vLLM is not installed here: `make serving`, or set ATELIER_VLLM_PYTHON.",
    )  # fmt: skip
    minutes = right.number_input(
        "Minutes idle, then it ends", 0, value=30, step=10, key="serve-idle", help="0 keeps it until somebody stops it."
    )
    if st.button("Serve it", type="primary", icon=":material/play_arrow:", key="serve"):
        with notices.told():
            begun = serving.start(store, name, me, program=chosen, idle_minutes=float(minutes))
            notices.later(_said(begun, name, float(minutes)))
            st.rerun()
    kind = [] if chosen == usual else ["--vllm" if chosen else "--small"]
    parts.command("atelier", "serve", name, *kind, *(["--idle", f"{minutes}"] * (minutes != 30)))


def _said(begun: Serving, name: str, minutes: float) -> str:
    """What became of the wish to serve a model: one that is served already is not started twice."""
    found = [f"{begun.name} {'answers already' if begun.state == serving.ANSWERS else 'is being loaded'}."]
    if name != begun.name:
        found.append(f"{name} is loaded beside it once it is asked for.")
    if begun.server.spec.idle_minutes != minutes:
        found.append("It keeps the idle time it was started with.")
    return " ".join(found)


def card(one: Serving) -> None:
    with st.container(border=True, key=f"server-{one.id}"):
        live.watch(figures, one.id, one.state, sorted(one.adapters), live=one.live)
        if one.live:
            adapters(one)
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"acts-{one.id}"):
                acts(one)
        with st.expander("What happened, and the end of its log", type="compact", icon=":material/notes:"):
            lines = [f":gray[{parts.ago(at)}] {notices.plain(words)}" for at, words in one.happened[:8]]
            st.markdown("  \n".join(lines))
            st.code(one.log[-6000:] or "Nothing was printed.", language=None, height=240, wrap_lines=True)


def figures(id: str, before: str, adapters: list[str]) -> bool:
    """What changes while it runs; False when its state or its adapters are no longer what they were."""
    one = serving.get(store, id)
    spec = one.server.spec
    title = f"**{notices.plain(one.name)}** :{BADGES[one.state]} :gray[{one.kind}"
    if one.state == serving.ENDED:
        st.markdown(f"{title}]")
        when = f", {parts.ago(one.happened[0][0])}" if one.happened else ""
        st.caption(f"Ended: {notices.plain(one.server.ended or 'nobody watches it any more')}{when}")
        return before == serving.ENDED
    where = f"`{one.server.endpoint.url}`" if one.server.endpoint else "no address yet"
    idle = f"ends after {spec.idle_minutes:g} idle minutes" if spec.idle_minutes else "until it is stopped"
    st.markdown(f"{title} · {idle}] · {where}")
    told, took = one.health, serving.memory(one)
    loading = one.state == serving.LOADING
    shown = {
        "loading for" if loading else "up for": parts.lasting(max(0.0, told.at - told.since))
        if told.at
        else "a moment",
        "restarts": f"{told.restarts}" if told.restarts or not loading else "",
        "asked now": "" if loading else _asked(told.running, told.waiting, told.per_second is not None),
        "tokens/s, last minute": "" if told.per_second is None else f"{told.per_second:,.0f}",
        "to the first token": "" if told.first_token is None else f"{told.first_token * 1000:,.0f} ms",
        "memory": sizes.in_words(took.machine) if took.machine else "",
        "GPU memory": sizes.in_words(took.gpu) if took.gpu else "",
    }
    parts.facts({name: value for name, value in shown.items() if value})
    if loading:
        if one.fell:
            st.caption(f"{notices.plain(one.fell)} It is started anew, at its address and with its tuned models.")
        st.caption("A small model takes seconds to load, a large one minutes. What is asked meanwhile waits for it.")
    if one.state == serving.SILENT:
        st.caption(f"It does not answer when asked how it does. After {spec.patience:g} s of that it is started anew.")
    if not told.fresh and one.state != serving.LOADING:
        st.warning("Nobody watches it at the moment; it is being looked after anew.", icon=":material/visibility_off:")
    return one.state == before and sorted(one.adapters) == adapters


def _asked(running: int, waiting: int, lately: bool) -> str:
    if running or waiting:
        return f"{running}, {waiting} waiting"
    return "nothing" if lately else "nothing lately"


def adapters(one: Serving) -> None:
    """The tuned models it answers for, and those that it could."""
    if not one.chats:
        return
    open_ones = serving.offered(store, one)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"adapters-{one.id}"):
        st.markdown(
            f"Answers for {parts.count(len(one.adapters), 'tuned model')} too." if one.adapters else
            "Answers as its base alone; a tuned model is loaded when it is asked for."
        )  # fmt: skip
        for served, name in one.adapters.items():
            label = f"Unload {notices.plain(name)}"
            if st.button(label, icon=":material/close:", type="tertiary", key=f"unload-{one.id}-{served}", help=served):
                with notices.told():
                    serving.unload(store, one, served, me)
                    notices.later(f"{name} is unloaded.")
                    st.rerun()
        if open_ones and one.state == serving.ANSWERS:
            with st.popover(
                "Load a tuned model", icon=":material/add:", key=f"load-{one.id}-{state.value(state.STEPS, 0)}"
            ):
                name = st.selectbox("Tuned on it", [model.name for model in open_ones], key=f"which-{one.id}")
                if st.button("Load it", type="primary", key=f"load-it-{one.id}"):
                    with notices.told():
                        serving.load(store, one, name, me)
                        state.step()
                        notices.later(f"{name} is loaded.")
                        st.rerun()


def acts(one: Serving) -> None:
    if one.chats:
        nav.link("Ask it", "playground", model=one.name)
    if st.button("Restart", icon=":material/restart_alt:", key=f"restart-{one.id}"):
        with notices.told(), st.spinner("Ending it to start it anew"):
            serving.restart(store, one, me)
            notices.later(f"{one.name} is starting anew.")
            st.rerun()
    question = "Answers on their way break off. Whoever needs it next has it started again."
    if notices.sure("Stop", question, "Stop it", key=f"stop-{one.id}", icon="stop_circle"):
        with st.spinner("Ending it"):
            serving.stop(store, one, me)
        notices.later(f"{one.name} is stopped.")
        st.rerun()


def elsewhere() -> None:
    """Models that answer at an address, each to be tested with one sentence."""
    parts.section("Models that answer elsewhere")
    for model in serving.elsewhere(store):
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"endpoint-{model.name}"):
            leaves = "what it is asked leaves this machine" if model.leaves else "on this machine"
            key = f"key from {notices.plain(model.key_from)}" if model.key_from else "no key"
            st.markdown(
                f"**{notices.plain(model.name)}**  \n{notices.plain(model.path)} · {key} · {leaves}", width="stretch"
            )
            help = f"Sends “{serving.GREETING}” and nothing else."
            if st.button("Test it", icon=":material/network_ping:", key=f"test-{model.name}", help=help):
                with notices.told(), st.spinner("Asking it"):
                    answer = serving.test(model)
                    first = answer.first_token_seconds or answer.seconds
                    st.success(
                        f"It answers as {notices.plain(answer.model)}, its first word after {first:.1f} s: "
                        f"{notices.plain(answer.text)}",
                        icon=":material/check:",
                    )
    order.endpoint()


parts.heading(
    "Serving", "Which models answer now and how they do. One that is needed is started by itself, and kept alive.",
    "Build",
)  # fmt: skip
gpu()
everything = serving.listed(store)
running = [one for one in everything if one.live]
ended = [one for one in everything if not one.live]
with st.expander("Serve a model", icon=":material/play_arrow:", expanded=not running, key=f"begin-{bool(running)}"):
    begin([model for model in models.offered(store) if model.kind != models.ENDPOINT])
if running:
    parts.section(f"{parts.count(len(running), 'server')}")
for one in running:
    card(one)
if not running:
    st.caption("Nothing is served now. A playground, an evaluation or the API starts what it needs.")
elsewhere()
if ended:
    parts.section("Ended")
    for one in ended[:ENDED_SHOWN]:
        card(one)
    if len(ended) > ENDED_SHOWN:
        st.caption(f"The {ENDED_SHOWN} newest of {len(ended):,} are shown. All logs lie in `{store.home.servers}`.")
