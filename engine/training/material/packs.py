"""Packs: short examples share a row. Which ones, and where each begins; no tensor is known here.

None sees another: positions start again at each example, by which the base's own attention tells them apart. Only
examples of one batch are packed, so a packed run takes the same steps as one that is not, with less padding in them.
"""

from collections.abc import Sequence

Pack = list[int]  # positions of the examples that share a row, in their order within it


def packs(lengths: Sequence[int], room: int) -> list[Pack]:
    """Every example once, the longest first, each into the first row where it still fits within `room` tokens.

    First-fit decreasing (Johnson 1973) needs at most 11/9 of the fewest rows, and one more. An example longer than
    `room` has a row of its own.
    """
    found: list[Pack] = []
    free: list[int] = []
    for example in sorted(range(len(lengths)), key=lambda example: -lengths[example]):
        row = next((n for n, left in enumerate(free) if lengths[example] <= left), None)
        if row is None:
            found.append([example])
            free.append(room - lengths[example])
        else:
            found[row].append(example)
            free[row] -= lengths[example]
    return found
