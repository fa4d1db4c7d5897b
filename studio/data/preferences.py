"""Preferences: what a member has switched on or off. What nobody has touched stands as the caller says."""

from studio.store import Store, now


def get(store: Store, member: str, name: str, otherwise: str = "") -> str:
    row = store.row("select value from preference where member = ? and name = ?", [member, name])
    return str(row["value"]) if row else otherwise


def set(store: Store, member: str, name: str, value: str) -> None:
    """The member's own choice, from now on."""
    with store.write(member, "preference.set", name, value=value) as cursor:
        cursor.execute(
            """
            insert into preference values (?, ?, ?, ?)
            on conflict (member, name) do update set value = excluded.value, made_at = excluded.made_at
            """,
            [member, name, value, now()],
        )
