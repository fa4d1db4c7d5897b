"""Lines: JSONL, one JSON value a line, as rows. Conversations that need no mapping go by `engine.data.rows`."""

import json

from engine import sizes
from engine.data.formats import trees
from engine.data.formats.table import TOLD, Progress, Row, Rows, Source, Table, columns_of
from engine.data.rows import LONGEST_LINE, Reject
from engine.problems import Problem


def table(source: Source) -> Table:
    """The rows of a JSONL file. Problem when none of the first can be read."""

    def read(progress: Progress) -> Rows:
        with source.open() as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if number % TOLD == 0:
                    progress(file.tell(), source.size)
                if len(line) > LONGEST_LINE:
                    size = len(line)
                    while not line.endswith(b"\n") and (line := file.readline(LONGEST_LINE)):
                        size += len(line)
                    yield Reject(number, "too-long", f"It is {sizes.in_words(size)} long; 5 MB is the most.", "")
                    continue
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield _row(number, line)
            progress(source.size, source.size)

    found = Table(source.name, "JSONL", (), source.size, read)
    columns = columns_of(found.sample)
    if not found.sample:
        raise Problem(f"{source.name} holds only blank lines.", do="Choose a file with a row for each example.")
    return found.named(columns)


def _row(number: int, line: bytes) -> Row | Reject:
    text = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_object, parse_constant=str)
    except UnicodeDecodeError as error:
        why = f"It is not UTF-8 text: byte {error.start + 1} is 0x{line[error.start]:02x}. Save the file as UTF-8."
        return Reject(number, "not-utf8", why, text)
    except json.JSONDecodeError as error:
        return Reject(number, "broken-json", f"It is not JSON: {error.msg} at column {error.colno}.", text)
    except RecursionError:
        return Reject(number, "broken-json", "It is nested too deeply to be a row.", text)
    except KeyError as twice:
        why = f"It says {twice} twice in one place; only one of the two could be kept."
        return Reject(number, "key-twice", why, text)
    except ValueError:
        return Reject(number, "bad-number", "It holds a number that is too long to be one.", text)
    return trees.row(number, "", value)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise KeyError(next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n])))
    return found
