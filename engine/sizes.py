"""Sizes: how many bytes, in words."""

UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def in_words(size: float) -> str:
    """`3.4 GB`, `250 MB`, `1.2 kB`, `1 byte`: one digit after the point below ten, and always of gigabytes."""
    for unit, one in UNITS:
        if size >= 0.9995 * one:  # what would round to a thousand of the unit below
            digits = 1 if unit == "GB" or size < 9.95 * one else 0
            return f"{size / one:,.{digits}f} {unit}"
    return f"{size:,.0f} byte{'s' * (round(size) != 1)}"
