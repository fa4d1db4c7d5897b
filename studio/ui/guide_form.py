"""Guide form: a style guide as a form, in the words of people who write. Lists are typed a line an entry."""

from typing import Any

import streamlit as st

from engine.scoring import guide as rules
from engine.scoring.guide import CHOICES, UNLIMITED, Guide
from studio.data import guides
from studio.ui import notices, parts, state

LABELS = {
    "emoji": "Emoji",
    "contractions": "Contractions (don't, we're)",
    "greeting": "Greeting at the start",
    "address": "German: du or Sie",
    "speaks_as": "The brand speaks as",
    "dashes": "Dashes between clauses",
    "oxford": "Comma before the last of a list",
}


def edit(dataset: str) -> None:
    """The guide of a dataset, to change; each save is a version."""
    store, me = state.store(), state.me()
    past = guides.history(store, dataset)
    guide = past[0].guide if past else Guide()
    key = f"guide-{dataset}-{len(past)}"
    left, right = st.columns([7, 4], gap="large")
    with right:
        _read(dataset, guide, past)
    with left, st.form(key, border=False):
        name = st.text_input("Name", guide.name, placeholder="How we sound", key=f"{key}-name")
        made = {"name": name, **_words(guide, key), **_length(guide, key), **_manner(guide, key)}
        made["notes"] = st.text_area(
            "Anything else, in your own words", guide.notes, key=f"{key}-notes",
            placeholder="Read by people, and told to models that suggest; nothing checks it",
        )  # fmt: skip
        saved = st.form_submit_button("Save the guide", type="primary", icon=":material/save:", shortcut="Ctrl+S")
    if saved:
        with notices.told():
            new = rules.of(made)
            assert new is not None
            notices.later(f"Version {guides.save(store, dataset, new, me)} of the guide holds.")
            st.rerun()


def _words(guide: Guide, key: str) -> dict[str, Any]:
    parts.section("Words")
    avoid = st.text_area(
        "Words to avoid", "\n".join(swaps(guide)), key=f"{key}-avoid", height=160,
        help="One a line. With what to say instead: kindly = please",
    )  # fmt: skip
    use = st.text_area(
        "Words of the voice, by kind", "\n".join(f"{kind}: {'; '.join(said)}" for kind, said in guide.use.items()),
        key=f"{key}-use", height=140, help="One kind a line, its words parted by semicolons. openers: ta-da; psst",
    )  # fmt: skip
    needs = st.number_input("How many kinds an answer shows at least", 0, 20, guide.needs, key=f"{key}-needs")
    ends = st.text_area("Ends with one of", "\n".join(guide.sign_offs), key=f"{key}-ends", height=80)
    words, instead = unswapped(avoid or "")
    return {
        "avoid": words, "instead": instead, "use": kinds(use or ""), "needs": int(needs),
        "sign_offs": [line.strip() for line in (ends or "").splitlines() if line.strip()],
    }  # fmt: skip


def _length(guide: Guide, key: str) -> dict[str, Any]:
    parts.section("Length")
    st.caption("0 sets no limit.")
    asked = (
        ("fewest_words", "Fewest words"), ("most_words", "Most words"), ("most_sentences", "Most sentences"),
        ("most_words_a_sentence", "Most words a sentence"),
    )  # fmt: skip
    found = {}
    for column, (rule, label) in zip(st.columns(4), asked, strict=True):
        found[rule] = int(column.number_input(label, 0, 2000, getattr(guide, rule), key=f"{key}-{rule}"))
    return found


def _manner(guide: Guide, key: str) -> dict[str, Any]:
    parts.section("Manner")
    found: dict[str, Any] = {}
    columns = st.columns(2, gap="medium")
    for number, (rule, choices) in enumerate(CHOICES.items()):
        with columns[number % 2]:
            found[rule] = st.segmented_control(
                LABELS[rule], choices, default=getattr(guide, rule), required=True, key=f"{key}-{rule}"
            )
    with columns[1]:
        for rule, label in (("most_emoji", "Most emoji"), ("most_exclamations", "Most exclamation marks")):
            limit = getattr(guide, rule)
            typed = st.number_input(
                label, 0, 50, None if limit == UNLIMITED else limit, key=f"{key}-{rule}", placeholder="no limit"
            )
            found[rule] = UNLIMITED if typed is None else int(typed)
    with st.container(horizontal=True):
        found["to_the_reader"] = st.checkbox("Says you to the reader", guide.to_the_reader, key=f"{key}-you")
        found["single_spaces"] = st.checkbox("No double spaces", guide.single_spaces, key=f"{key}-spaces")
        found["no_shouting"] = st.checkbox("No words in capitals", guide.no_shouting, key=f"{key}-caps")
    held = st.text_input("May stand in capitals", ", ".join(guide.acronyms), key=f"{key}-acronyms")
    found["acronyms"] = parted((held or "").replace(",", ";"))
    return found


def _read(dataset: str, guide: Guide, past: list[guides.Version]) -> None:
    """What holds, in sentences, and the ways in and out."""
    parts.label("The guide in words")
    said = rules.in_words(guide, 6)
    if said:
        st.markdown("\n".join(f"- {notices.plain(line)}" for line in said))
    else:
        st.caption(
            "No rule yet. Each one that you set here is checked as you type, and can be counted in an evaluation."
        )
    if past:
        who = "  \n".join(
            f"Version {v.version} by {notices.plain(v.made_by)}, {parts.ago(v.made_at)}" for v in past[:5]
        )
        st.caption(who)
    st.download_button(
        "Export as a file", rules.to_json(guide), f"{dataset}-style-guide.json", "application/json",
        icon=":material/download:", key="guide-out",
    )  # fmt: skip
    with st.popover("Import a file", icon=":material/upload_file:"):
        file = st.file_uploader("A guide that was exported", type="json", key=f"guide-in-{len(past)}")
        if file and st.button("Take it over", type="primary", key="guide-take"):
            with notices.told():
                new = rules.read(file.getvalue().decode("utf-8", "replace"))
                notices.later(f"Version {guides.save(state.store(), dataset, new, state.me())} of the guide holds.")
                st.rerun()


def swaps(guide: Guide) -> list[str]:
    """The words to avoid as lines: `kindly = please`, or the word alone."""
    listed = dict.fromkeys([*guide.avoid, *guide.instead])
    return [f"{word} = {guide.instead[word]}" if word in guide.instead else word for word in listed]


def unswapped(text: str) -> tuple[list[str], dict[str, str]]:
    """Such lines as words and what to say instead."""
    words, instead = [], {}
    for line in text.splitlines():
        word, sign, other = (piece.strip() for piece in line.partition("="))
        if word:
            words.append(word)
            if sign:
                instead[word] = other
    return words, instead


def kinds(text: str) -> dict[str, list[str]]:
    """Lines such as `openers: ta-da; psst` as words by kind; what names no kind goes under words."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        kind, sign, listed = (piece.strip() for piece in line.partition(":"))
        if sign and kind:
            found[kind] = parted(listed)
        elif kind:
            found.setdefault("words", []).extend(parted(kind))
    return found


def parted(text: str) -> list[str]:
    return [word for piece in text.split(";") if (word := piece.strip())]
