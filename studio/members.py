"""Members: who works here, and as what. Roles will decide who may do what; today they decide what is proposed next."""

from dataclasses import dataclass
from datetime import datetime

from engine.problems import Problem
from studio.store import Store, now

ROLES = {
    "designer": "writes and reviews examples",
    "evaluator": "judges answers blind",
    "manager": "reads cost and accuracy",
    "engineer": "trains, serves and keeps it running",
}


@dataclass(frozen=True)
class Member:
    name: str
    role: str
    made_at: datetime


def listed(store: Store) -> list[Member]:
    return [Member(**row) for row in store.rows("select * from member order by made_at, name")]


def welcome(store: Store, name: str, role: str, by: str) -> Member:
    """A new member, or a known one in a new role."""
    if not name.strip():
        raise Problem("A member needs a name.")
    if role not in ROLES:
        raise Problem(f"There is no role {role!r}.", do=f"Choose one of {', '.join(ROLES)}.")
    with store.write(by, "member.welcome", name, role=role) as cursor:
        cursor.execute(
            "insert into member values (?, ?, ?) on conflict (name) do update set role = excluded.role",
            [name.strip(), role, now()],
        )
    return next(member for member in listed(store) if member.name == name.strip())
