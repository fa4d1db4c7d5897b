"""Playground: one question or many to two to four candidates, their answers side by side."""

from contextlib import closing

import streamlit as st

from studio import sample
from studio.building import candidates, models
from studio.building.candidates import Candidate
from studio.data import datasets, examples
from studio.deciding import grids
from studio.judging import asking, sources
from studio.judging.asking import Said, Turn
from studio.reading import libraries, questions
from studio.ui import blind, chat, choosing, fix, following, notices, parts, saving, standing, state, unsent
from studio.writing.fixing import Bad

MOST = 4  # candidates; more columns are too narrow to read
MOST_QUESTIONS = 50  # of a pasted list; more are an evaluation
store, me = state.store(), state.me()


def columns(n: int) -> list:
    return list(st.columns(n, gap="medium")) if n > 1 else [st.container()]


def turn(number: int, said: Turn, chosen: list[Candidate], hidden: bool, marked: bool, before: list[Turn]) -> None:
    """A question with its answers, and where wanted what differs between them."""
    chat.question(said.question)
    places = blind.order(said, number) if hidden else list(range(len(said.answers)))
    done = [answer for answer in said.answers if answer.stage == asking.DONE]
    same = len({answer.text.strip() for answer in done}) == 1
    bodies = differing(said, places) if marked and len(done) > 1 and not same else {}
    for letter, column, place in zip(blind.LETTERS, columns(len(places)), places, strict=False):
        answer = said.answers[place]
        with column:
            if hidden:
                chat.nameless(letter, answer, bodies.get(place))
                continue
            chat.answer(answer, bodies.get(place))
            if answer.stage == asking.DONE:
                with st.container(horizontal=True, gap="small"):
                    *asked, reply = asking.conversation([*before, said], place)
                    origin = f"the playground, answered by {answer.name}"
                    fix.button(Bad(asked, reply["content"], origin), f"{number}-{place}")
                    system = answer.system
                    if system is None:  # an old link
                        system = chosen[place].system if place < len(chosen) else ""
                    saving.button(asking.conversation([*before, said], place, system), answer.name, f"{number}-{place}")
    if len(done) > 1 and same:
        st.caption("All said the same, word for word." if len(done) > 2 else "Both said the same, word for word.")
    if hidden:
        blind.verdict(number, said)


def differing(said: Turn, places: list[int]) -> dict[int, str]:
    """Each answer with the words marked that the first one shown has not; of two, both are marked."""
    first, *others = [place for place in places if said.answers[place].stage == asking.DONE]
    pairs = {place: chat.compared(said.answers[first].text, said.answers[place].text) for place in others}
    own = pairs[others[0]][0] if len(others) == 1 else chat.said(said.answers[first].text)
    return {first: own, **{place: right for place, (_, right) in pairs.items()}}


def ask(question: str, chosen: list[Candidate], before: list[Turn], hidden: bool) -> None:
    """Ask everybody and draw their words as they come; without names, only once all have ended."""
    with st.container(key=f"here-{len(state.value(state.TURNS, []))}"):
        chat.question(question)
        slots = [column.empty() for column in columns(len(chosen))]
    drawn: list[Said | None] = [None] * len(chosen)
    with closing(asking.ask(store, chosen, question, before)) as heard:  # whoever stops here stops the candidates too
        for said in heard:
            state.value(state.ASKING)  # a click is heard here, also while no word comes
            for number, answer in enumerate(said):
                if answer is not drawn[number] and not (hidden and drawn[number]):
                    with slots[number].container():
                        chat.waiting() if hidden else chat.answer(answer)
                    drawn[number] = answer
    state.keep(state.TURNS, [*state.value(state.TURNS, []), Turn(question, tuple(said))])


def ask_all(questions: list[str], chosen: list[Candidate], follow: bool, hidden: bool) -> None:
    """Ask a list, one question after the other; what is not answered yet is remembered when somebody stops."""
    state.keep(state.CLEARED, None)
    for number, question in enumerate(questions):
        state.keep(state.ASKING, questions[number:])
        with progress.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
            if len(questions) > 1:
                st.progress(number / len(questions), f"Question {number + 1} of {len(questions)}")
            st.button("Stop", icon=":material/stop_circle:", key=f"stop-{number}")
        ask(question, chosen, state.value(state.TURNS, []) if follow else [], hidden)
        state.keep(state.ASKING, questions[number + 1 :])
        standing.remember(chosen, follow)


def many() -> list[str]:
    """The questions of a pasted list, once the button is pressed."""
    asked = state.value(state.STEPS, 0)  # another key, and the list folds itself away
    with (
        st.popover("Ask a list", icon=":material/format_list_numbered:", key=f"many-{asked}"),
        st.form("many", border=False),
    ):
        typed = st.text_area(
            "One question a line", height=180, key="list", placeholder="Paste them here", persist_state="session"
        )
        questions = [line.strip() for line in (typed or "").splitlines() if line.strip()]
        st.caption(f"Up to {MOST_QUESTIONS}. To ask more, and to keep what is answered, start an evaluation.")
        if st.form_submit_button("Ask all", type="primary", icon=":material/play_arrow:", on_click=state.step):
            return questions
    return []


def unanswered() -> list[str]:
    """Questions that were asked and never answered, because somebody left or clicked meanwhile: ask them, or not."""
    left: list[str] = state.value(state.ASKING, [])
    if not left:
        return []
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="here-unanswered"):
        rest = f" and {len(left) - 1} more" if len(left) > 1 else ""
        st.markdown(f"**Not answered yet:** {notices.plain(left[0])}{rest}", width="stretch")
        if st.button("Ask now", type="primary", icon=":material/play_arrow:", key="go-on"):
            return left
        if st.button("Leave it" if len(left) == 1 else "Leave them", key="leave"):
            state.keep(state.ASKING, [])
            st.rerun()
    return []


def examples_to_click(chosen: list[Candidate]) -> list[str]:
    """Four questions that somebody new could ask: those known of the library that is read, those that a tuned model was
    watched with while it learned, of the sample's documents, or of the newest dataset."""
    for library in dict.fromkeys(one.library for one in chosen if one.library):
        if asked := [one.question for one in questions.approved(store, library)][:4]:
            return asked
    for snapshot in filter(None, dict.fromkeys(grids.shown_from(store, one.model) for one in chosen)):
        watched = sources.watched(store, snapshot, 200)
        if asked := [turns[0]["content"] for turns in watched if len(turns) == 2 and short(turns[0]["content"])]:
            return list(dict.fromkeys(asked))[:4]
    if any(library.name == sample.LIBRARY for library in libraries.listed(store)):
        return [row["question"] for row in sample.questions("validation")[::5][:4]]
    newest = datasets.names(store)[-1:]
    found = [example for dataset in newest for example in examples.find(store, dataset, limit=4)[0]]
    return [example.prompt for example in found if short(example.prompt)]


def short(question: str) -> bool:
    """Whether it fits on a button: one with passages in it has lines."""
    return 0 < len(question) < 160 and "\n" not in question


parts.heading("Playground", "Ask one to four candidates the same, and read their answers side by side.", "Build")
if not models.offered(store):
    notices.empty("No model yet", "Once a base model is here, you can talk to it.", "forum", "home", "Home")
    st.stop()
begun = standing.opened()
known = choosing.names(begun.chosen if begun else ())
if begun and begun.by and begun.by != me:
    st.caption(f"{notices.plain(begun.by)} has shared this with you. What you change or ask here, only you see.")
given = {one.id: one for one in begun.chosen if choosing.choice(one) == one.id} if begun else {}
held = given | {one.id: one for one in candidates.kept(store) if one.model in known}
said: list[Turn] = state.value(state.TURNS, [])
with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="seats"):
    usual = len(begun.chosen) if begun else min(2, len(known) + len(held))  # one against itself shows nothing
    n = st.segmented_control(
        "Candidates",
        range(1, MOST + 1),
        default=usual,
        required=True,
        key=f"columns-{begun.id if begun else ''}",
        format_func=("", "One", "Two", "Three", "Four").__getitem__,
        label_visibility="collapsed",
        persist_state="session",
        help="So many are asked side by side.",
    )
    follow = st.toggle(
        "Remember the conversation",
        value=bool(begun and begun.follow),
        key=f"follow-{begun.id if begun else ''}",
        persist_state="session",
        help="Off: each question stands alone, as in an evaluation.",
    )
    hidden = st.toggle(
        "Blind",
        value=state.value(blind.BLIND, False),
        key=blind.BLIND,
        persist_state="session",
        disabled=n < 2,
        help="No names and no figures, and another order for each question. Switch it off to see who said what.",
    )
    marked = n > 1 and st.toggle(
        "Mark what differs",
        key="differs",
        persist_state="session",
        help="Marks the words that the first answer has not; of two, what only the one or the other has.",
    )
order = [*map(choosing.choice, begun.chosen if begun else ()), *choosing.defaults(MOST), *held]
chosen = []
for side, column in enumerate(columns(n)):
    with column:
        chosen.append(choosing.candidate(side, held, known, order[min(side, len(order) - 1)], narrow=n > 2))
hidden = hidden and n > 1
talk = st.container()
with talk:
    for number, one in enumerate(said):
        with st.container(key=f"here-{number}"):
            turn(number, one, chosen, hidden, marked, said[:number] if follow else [])
        st.space("small")
if said and not hidden:
    blind.told(said, [answer.name for answer in said[-1].answers])
goes_on = unanswered()
with st.container(horizontal=True, gap="small"):
    pasted = many()
    standing.share(chosen, follow)
    if said and hidden:
        blind.names(said)
    if said and st.button("Clear", icon=":material/delete_sweep:", key="clear"):
        standing.clear()
        st.rerun()
    if not said and state.value(state.CLEARED) and st.button("Bring them back", icon=":material/undo:", key="undo"):
        standing.bring_back()
        st.rerun()
if len(pasted) > MOST_QUESTIONS:
    text = f"These are {len(pasted)} questions; {MOST_QUESTIONS} can be asked here. None was asked."
    st.error(text, icon=":material/error:")
    pasted = []
suggestions = st.empty()
with st.bottom:  # put there by hand: else the page would open at its end, as a chat does
    progress = st.empty()
    question = st.chat_input("Ask something", submit_mode="disable")
if not (said or question or pasted or goes_on):
    question = suggestions.pills("Try one", examples_to_click(chosen), key="suggested")
unsent.keep({"question": unsent.CHAT, "list": ".st-key-list textarea"})
standing.remember(chosen, follow, bool(said) or any(one.id not in held and one.name != one.model for one in chosen))
asked = goes_on or pasted or ([question] if question else [])
if asked or state.value(state.FOLLOWED):
    following.follow()
state.keep(state.FOLLOWED, bool(asked))
if asked:
    suggestions.empty()
    with talk:
        ask_all(asked, chosen, follow, hidden)
    st.rerun()
