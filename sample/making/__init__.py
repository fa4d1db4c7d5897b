"""How the sample project's files are made from banks of sentences: `python -m sample.making` rewrites them all.

Every draw is seeded by what it draws for, so the same banks always make the same files, byte for byte.
"""

from sample.making.files import files

__all__ = ["files"]
