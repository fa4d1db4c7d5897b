"""How many bytes are said in the same words wherever they are said."""

import re

import pytest

from engine import sizes
from studio.folders import CODE


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_960, "10 kB"),
        (5_000_000, "5.0 MB"),
        (250_300_000, "250 MB"),
        (999_400_000, "999 MB"),
        (999_600_000, "1.0 GB"),
        (80_000_000_000, "80.0 GB"),
    ],
)
def test_bytes_are_said_in_the_unit_that_suits_them(size, said):
    assert sizes.in_words(size) == said


def test_no_other_module_puts_megabytes_into_words():
    """Whole gigabytes of a machine, and units in the head of a column, are something else."""
    found = {
        path.relative_to(CODE).as_posix()
        for folder in ("engine", "studio", "pages")
        for path in (CODE / folder).rglob("*.py")
        if re.search(r"/ (1e6|1e3|1e9|1_000_000)(:[^}]*)?\} (MB|kB|GB)\b", path.read_text())
    }
    assert found == set()
