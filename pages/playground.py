"""Playground: the same question to one or two candidates, their answers side by side."""

from dataclasses import replace

import streamlit as st

from engine.serving.client import Decoding
from studio import sample
from studio.building import candidates, libraries, models
from studio.building.candidates import Candidate
from studio.data import datasets, examples
from studio.judging import asking
from studio.judging.asking import Said, Turn
from studio.ui import chat, fix, notices, parts, state
from studio.writing.fixing import Bad

MOST = 2  # columns; each has its own keys, so that four would be a change of this number
store, me = state.store(), state.me()
decoding = Decoding()


def choose(side: int, kept: dict[str, Candidate], names: list[str], default: int) -> Candidate:
    """One candidate: a model as it is, or one that was kept, changed at will."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            "Candidate" if side == 0 else "Against",
            [*names, *kept],
            index=default,
            format_func=lambda one: f"{kept[one].name} · kept" if one in kept else f"{one} · model",
            key=f"who-{side}",
            persist_state="session",
        )
        start = kept.get(chosen) or candidates.draft(store, chosen, chosen, me)
        with st.popover("Settings", icon=":material/tune:"):
            return settings(f"{side}-{chosen}", start)


def settings(key: str, start: Candidate) -> Candidate:
    """The candidate with what the popover says. Its keys hold the choice, so each choice begins with its own values."""
    held = ["", *(library.name for library in libraries.listed(store))]
    system = st.text_area("System prompt", start.system, key=f"system-{key}", placeholder="None", height=100)
    library = st.selectbox(
        "Library", held, index=held.index(start.library), format_func=lambda name: name or "none", key=f"library-{key}"
    )
    passages = st.slider("Passages", 1, 8, start.passages or 2, key=f"passages-{key}", disabled=not library)
    temperature = st.slider(
        "Temperature",
        0.0,
        1.5,
        float(start.decoding["temperature"]),
        0.1,
        key=f"temperature-{key}",
        help="0 takes the likeliest word each time; higher is more varied.",
    )
    most = st.number_input("Longest answer in tokens", 8, 4096, int(start.decoding["max_tokens"]), key=f"most-{key}")
    drawn = Decoding(**{**start.decoding, "temperature": temperature, "max_tokens": most})
    made = candidates.draft(
        store, start.name, start.model, me, system=system.strip(), library=library, passages=passages, decoding=drawn
    )
    if made.id != start.id:
        made = replace(made, name=f"{start.name}, changed")
    keep(key, made, start)
    return made


def keep(key: str, made: Candidate, start: Candidate) -> None:
    """Make it a candidate that evaluations can ask."""
    known = {candidate.id: candidate for candidate in candidates.listed(store)}
    if made.id in known:
        st.caption(f"Kept as {notices.plain(known[made.id].name)}.")
        return
    with st.form(f"keep-{key}", border=False):
        name = st.text_input("Name", placeholder=_suggested(made), key=f"name-{key}")
        if st.form_submit_button("Keep as candidate", icon=":material/bookmark_add:"):
            found = candidates.keep(store, replace(made, name=name.strip() or _suggested(made)), me)
            notices.later(f"Kept as {found.name}. Evaluations can ask it now.")
            st.rerun()


def _suggested(made: Candidate) -> str:
    ways = [way for way, there in (("prompt", made.system), (f"{made.library} library", made.library)) if there]
    return f"{made.model} + {' + '.join(ways)}" if ways else made.model


def columns(n: int) -> list:
    return list(st.columns(n, gap="large")) if n > 1 else [st.container()]


def turn(number: int, said: Turn) -> None:
    """A question with its answers, and what differs between two of them on demand."""
    chat.question(said.question)
    done = [answer for answer in said.answers if answer.stage == asking.DONE]
    marked = None
    if len(done) == 2 == len(said.answers) and done[0].text != done[1].text:
        marked = st.toggle("Mark what differs", key=f"differs-{number}")
    bodies = chat.compared(done[0].text, done[1].text) if marked else [None] * len(said.answers)
    answered = zip(columns(len(said.answers)), said.answers, bodies, strict=True)
    for side, (column, answer, body) in enumerate(answered):
        with column:
            chat.answer(answer, body)
            if answer.stage == asking.DONE:
                asked = [{"role": "user", "content": said.question}]
                fix.button(Bad(asked, answer.text, f"the playground, answered by {answer.name}"), f"{number}-{side}")
    if len(done) == 2 and done[0].text == done[1].text:
        st.caption("Both said the same, word for word.")


def ask(question: str, chosen: list[Candidate], before: list[Turn]) -> None:
    """Ask everybody and draw their words as they come."""
    chat.question(question)
    slots = [column.empty() for column in columns(len(chosen))]
    drawn: list[Said | None] = [None] * len(chosen)
    for said in asking.ask(store, chosen, question, before):
        for number, answer in enumerate(said):
            if answer is not drawn[number]:
                with slots[number].container():
                    chat.answer(answer)
                drawn[number] = answer
    state.keep(state.TURNS, [*state.value(state.TURNS, []), Turn(question, tuple(said))])


def first_choice(side: int) -> int:
    """The newest tuned model, and before it the base that it was tuned from."""
    found = models.listed(store)
    tuned = next((model for model in reversed(found) if model.kind == models.ADAPTER), found[-1])
    wanted = tuned.base or found[0].name if side == 0 else tuned.name
    return [model.name for model in found].index(wanted)


def examples_to_click() -> list[str]:
    """Four questions that somebody new could ask: of the sample's documents, or of the newest dataset."""
    if any(library.name == sample.LIBRARY for library in libraries.listed(store)):
        return [row["question"] for row in sample.questions("validation")[::5][:4]]
    newest = datasets.listed(store)[-1:]
    found = [example for dataset in newest for example in examples.find(store, dataset.name, limit=4)[0]]
    return [example.prompt for example in found if len(example.prompt) < 160]


parts.heading("Playground", "Ask the same question twice and read the answers side by side.", "Build")
known = [model.name for model in models.listed(store)]
held = {candidate.id: candidate for candidate in candidates.listed(store) if candidate.model in known}
if not known:
    notices.empty("No model yet", "Once a base model is here, you can talk to it.", "forum", "home", "Home")
    st.stop()
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    n = st.segmented_control(
        "Columns",
        range(1, MOST + 1),
        default=min(MOST, 2) if len(known) + len(held) > 1 else 1,  # one against itself shows nothing
        required=True,
        key="columns",
        format_func=lambda n: "One" if n == 1 else "Side by side",
        label_visibility="collapsed",
        persist_state="session",
    )
    follow = st.toggle(
        "Remember the conversation",
        key="follow",
        persist_state="session",
        help="Off: each question stands alone, as in an evaluation.",
    )
    if st.button("Clear", icon=":material/delete_sweep:", disabled=not state.value(state.TURNS)):
        state.keep(state.TURNS, [])
        st.rerun()
chosen = []
for side, column in enumerate(columns(n)):
    with column:
        chosen.append(choose(side, held, known, first_choice(side)))
said = state.value(state.TURNS, [])
for number, one in enumerate(said):
    turn(number, one)
    st.space("small")
suggestions = st.empty()
question = st.chat_input("Ask something", submit_mode="disable")
if not said and not question:
    question = suggestions.pills("Try one", examples_to_click(), key="suggested")
if question:
    suggestions.empty()
    ask(question, chosen, said if follow else [])
    st.rerun()
