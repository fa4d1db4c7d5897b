"""Placements: the side of every entry and every group, kept once and for ever, and how a plan meets them.

It reads what a split must know of the examples of a dataset; who goes where is decided in `splits`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from engine import jsonl
from engine.data.conversations import SPLITS
from engine.problems import Problem
from studio.freezing import splits
from studio.freezing.splits import Decision, Member, Plan
from studio.store import Cursor, Store, now

LABELS = 0.5  # with at most so many different answers an example, the answers are labels
ALIKE = 0.8  # from this likeness on, two prompts are look-alikes


@dataclass(frozen=True)
class Choices:
    """What a plan for a dataset can go by."""

    answers: int  # different last answers when they are labels, 0 when they are texts
    groups: int
    sources: int
    prefixes: dict[str, int]  # such as "topic:" -> how many different tags have it


def decide(store: Store, dataset: str, plan: Plan) -> Decision:
    """A side for every approved example. Nothing is kept yet: that is what a freeze does."""
    _remember(store, dataset)
    rows = _rows(store, dataset)
    if plan.kind == splits.STRATIFIED and plan.by == splits.ANSWER:
        _check_labels(dataset, rows)
    members = [_member(row, plan) for row in rows]
    _check_by(dataset, members, plan)
    known = {
        row["key"]: row["split"] for row in store.rows("select key, split from placement where dataset = ?", [dataset])
    }
    members = [_with_side(member, known) for member in members]
    templates = plan.kind == splits.GROUPED and plan.by == splits.TEMPLATE
    together = plan.look_alikes or templates
    alike = look_alikes([row["prompt"] or "" for row in rows], templates) if together else ()
    return splits.decide(members, plan, known, alike)


def choices(store: Store, dataset: str) -> Choices:
    """What the examples of a dataset have to be told apart by."""
    rows = _rows(store, dataset)
    answers = len({row["answer"] for row in rows})
    tags = {tag for row in rows for tag in row["tags"] if ":" in tag}
    prefixes: dict[str, int] = {}
    for tag in sorted(tags):
        prefix = tag.split(":")[0] + ":"
        prefixes[prefix] = prefixes.get(prefix, 0) + 1
    return Choices(
        answers if rows and answers <= LABELS * len(rows) else 0,
        len({row["grouped_by"] for row in rows} - {""}),
        len({row["source"] for row in rows}),
        prefixes,
    )


def dates(store: Store, dataset: str, by: str = "") -> list[str]:
    """The days of the approved examples as a split by time sees them, oldest first."""
    plan = Plan(splits.TIME, by=by, test_from="9999")
    return sorted(_when(row, plan)[:10] for row in _rows(store, dataset))


def keep(cursor: Cursor, dataset: str, decision: Decision) -> None:
    """Keep what was decided for the first time. Problem when somebody else has meanwhile decided otherwise."""
    if not decision.fresh:
        return
    fresh = pd.DataFrame({"key": list(decision.fresh), "split": list(decision.fresh.values())})
    cursor.register("fresh_sides", fresh)
    cursor.execute(
        "insert into placement select ?, key, split, ? from fresh_sides on conflict do nothing", [dataset, now()]
    )
    ((elsewhere,),) = cursor.execute(
        """
        select count(*)
        from fresh_sides f
        join placement p on p.dataset = ? and p.key = f.key and p.split <> f.split
        """,
        [dataset],
    ).fetchall()
    cursor.unregister("fresh_sides")
    if elsewhere:
        raise Problem(
            f"Somebody else froze {dataset} at the same moment.",
            f"{elsewhere:,} of its examples have got another side from them, and a side never changes.",
            "Freeze again; your plan then starts from theirs.",
        )


def look_alikes(prompts: Sequence[str], templates: bool = False) -> list[tuple[int, int]]:
    """Pairs of positions whose prompts are the same but for little, with `templates` but for facts and names.

    Blank ones are like nothing.
    """
    from engine.quality import nearness  # scikit-learn takes its time; most freezes need none of it

    said = [number for number, prompt in enumerate(prompts) if prompt.strip()]
    found = nearness.near([prompts[number] for number in said], ALIKE, templates=templates)
    return [(said[near.first], said[near.second]) for near in found]


def texts(store: Store, dataset: str) -> list[dict[str, Any]]:
    """Of each approved example its entry, its prompt (all that the user said) and its last answer."""
    return _rows(store, dataset)


def _rows(store: Store, dataset: str) -> list[dict[str, Any]]:
    """What a split must know of each approved example, in the order they came."""
    return store.rows(
        """
        select e.entry, e.grouped_by, e.split, e.tags, e.source, f.made_at as made_at,
               e.messages->-1->>'content' as answer,
               list_aggregate(
                   [m->>'content' for m in e.messages::json[] if m->>'role' = 'user'], 'string_agg', chr(10)
               ) as prompt
        from example e
        join (select entry, min(made_at) as made_at from example where dataset = ? group by entry) f
            on f.entry = e.entry
        where e.dataset = ? and e.latest and e.status = 'approved'
        order by e.place
        """,
        [dataset, dataset],
    )


def _member(row: dict[str, Any], plan: Plan) -> Member:
    labels = [f"group:{row['grouped_by']}"] if row["grouped_by"] else []
    if plan.kind == splits.GROUPED and plan.by == splits.SOURCE:
        labels.append(f"source:{row['source']}")
    elif plan.prefix:
        labels += _tags(row, plan.prefix)
    stratum = ""
    if plan.kind == splits.STRATIFIED:
        stratum = (row["answer"] or "") if plan.by == splits.ANSWER else next(iter(_tags(row, plan.by)), "")
    when = _when(row, plan) if plan.kind == splits.TIME else ""
    kin = plan.kin(row["tags"], row["grouped_by"])
    return Member(row["entry"], tuple(labels), settled=row["split"], stratum=stratum, when=when, kin=kin)


def _with_side(member: Member, known: dict[str, str]) -> Member:
    placed = known.get(member.entry, "")
    return replace(member, placed=placed) if placed else member


def _tags(row: dict[str, Any], prefix: str) -> list[str]:
    return [tag for tag in row["tags"] if tag.startswith(prefix)]


def _when(row: dict[str, Any], plan: Plan) -> str:
    if not plan.by:
        return str(row["made_at"].isoformat())
    return next((tag.removeprefix(plan.by) for tag in _tags(row, plan.by)), "")


def _check_labels(dataset: str, rows: Sequence[dict[str, Any]]) -> None:
    different = len({row["answer"] for row in rows})
    if different > LABELS * len(rows):
        raise Problem(
            f"The answers of {dataset} are not labels.",
            f"{different:,} different ones among {len(rows):,} examples cannot be held even.",
            "Hold a tag even, or choose another plan.",
        )


def _check_by(dataset: str, members: Iterable[Member], plan: Plan) -> None:
    members = list(members)
    if plan.kind == splits.TIME:
        dateless = sum(not _is_date(member.when) for member in members)
        if dateless:
            raise Problem(
                f"{dateless:,} of {len(members):,} examples have no date as a tag {plan.by}2026-11-20.",
                "Where they belong in time cannot be told.",
                "Tag them, or go by when they were written.",
            )
    if plan.kind == splits.STRATIFIED and members and not any(member.stratum for member in members):
        raise Problem(f"No example of {dataset} has a tag that begins with {plan.by}.", do="Choose another one.")
    if (
        plan.kind == splits.GROUPED
        and plan.by != splits.TEMPLATE
        and members
        and not any(member.labels for member in members)
    ):
        raise Problem(f"Nothing in {dataset} says what belongs together by {plan.by}.", do="Choose another plan.")


def _is_date(text: str) -> bool:
    parts = text[:10].split("-")
    return len(text) >= 10 and len(parts) == 3 and all(part.isdecimal() for part in parts)


def _remember(store: Store, dataset: str) -> None:
    """Sides of snapshots that were made before sides were kept; the oldest snapshot holds."""
    if store.row("select 1 from placement where dataset = ? limit 1", [dataset]):
        return
    sides: dict[str, str] = {}
    for snapshot in store.rows("select id from snapshot where dataset = ? order by made_at", [dataset]):
        for split in SPLITS:
            path = store.home.snapshots / snapshot["id"] / f"{split}.jsonl"
            for row in jsonl.read(path):
                sides.setdefault(row["id"], split)
                if row.get("group"):
                    sides.setdefault(f"group:{row['group']}", split)
    if not sides:
        return
    with store.jot() as cursor:
        cursor.register("frozen", pd.DataFrame({"key": list(sides), "split": list(sides.values())}))
        # a file knows what an example said, the table knows whose words these are
        cursor.execute(
            """
            insert into placement
            select $dataset, coalesce(e.entry, f.key), f.split, $now
            from frozen f
            left join (select distinct id, entry from example where dataset = $dataset) e on e.id = f.key
            on conflict do nothing
            """,
            {"dataset": dataset, "now": now()},
        )
        cursor.unregister("frozen")
