"""Limits: how much of a document, or of an archive, is too much. What is beyond them is refused in a sentence."""

LARGEST = {  # bytes of a file, by its kind
    "pdf": 500_000_000,
    "docx": 200_000_000,
    "html": 20_000_000,  # its tree takes twenty times as much
    "markdown": 50_000_000,
    "text": 50_000_000,
    "table": 50_000_000,
}
MOST_TEXT = 20_000_000  # characters of one document, some 7,000 pages
MOST_PAGES = 5_000  # of a PDF

QUIET = 120.0  # seconds that a reader may take without a word on how far it is
LONGEST = 600.0  # seconds for one file
TABLES = 180.0  # of these, that the tables of a PDF may take; those on later pages stay text
MEMORY = 3_000_000_000  # bytes that the reading process may take

MOST_FILES = 5_000  # of a folder or archive
MOST_UNPACKED = 2_000_000_000  # bytes of an archive, or of a Word file, which is one
MOST_RATIO = 200  # unpacked to packed; written text packs 3 to 20 times
BOMB = 10_000_000  # bytes; what unpacks to less is no bomb, however well it packs
