"""Papers: small documents made for tests, written with the libraries that people's programs resemble."""

import io
from collections.abc import Sequence

import pypdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

Said = tuple[float, float, str]  # size of the letters, points from the foot of the page, text
LINE = 14


def pdf(
    pages: Sequence[Sequence[Said] | str],
    *,
    marks: Sequence[tuple[str, int]] = (),
    lock: str | None = None,
    title: str = "",
) -> bytes:
    """A PDF of lines at places. A page that is one text is set in lines of 12 points. `marks` are bookmarks."""
    writer = _written([_drawn(_set(page) if isinstance(page, str) else page) for page in pages])
    if title:
        writer.add_metadata({"/Title": title})
    for mark, page_number in marks:
        writer.add_outline_item(title=mark, page_number=page_number)
    if lock is not None:
        writer.encrypt(lock, "owner", algorithm="AES-256")
    return _bytes(writer)


def sheets(pages: Sequence[str], *, turned: int = 0, lock: str | None = None) -> bytes:
    """A PDF of pages that `words`, `table`, `box` and `stroke` have drawn; `turned` degrees when it is shown."""
    writer = _written([page.encode("cp1252") for page in pages])
    for page in writer.pages:
        page.rotate(turned)
    if lock is not None:
        writer.encrypt(lock, "owner", algorithm="AES-256")
    return _bytes(writer)


def words(x: float, y: float, text: str, size: float = 10, font: str = "F1") -> str:
    """F1 is upright, F2 bold; `x` and `y` count from the lower left corner."""
    plain = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({plain}) Tj ET\n"


def stroke(x: float, y: float, to_x: float, to_y: float) -> str:
    return f"{x} {y} m {to_x} {to_y} l S\n"


def box(x: float, y: float, wide: float, tall: float) -> str:
    return f"{x} {y} {wide} {tall} re S\n"


def table(
    x: float, y: float, rows: Sequence[Sequence[str]], widths: Sequence[float], *, lines: bool = True, head: str = "F1"
) -> str:
    """Rows of cells below `y`, with a box around each cell; a cell of several lines makes its row taller."""
    found = ""
    for n, row in enumerate(rows):
        tall = LINE * max(cell.count("\n") + 1 for cell in row) + 4
        y -= tall
        for column, cell in enumerate(row):
            left = x + sum(widths[:column])
            found += box(left, y, widths[column], tall) if lines else ""
            for down, line in enumerate(cell.split("\n") if cell else []):
                found += words(left + 3, y + tall - LINE * (down + 1), line, font="F1" if n else head)
    return found


def scan(n: int) -> bytes:
    """A PDF whose pages show a picture each and say nothing."""
    writer = pypdf.PdfWriter()
    picture = DecodedStreamObject()
    picture.set_data(b"\x80")
    size = {name: pypdf.generic.NumberObject(1) for name in ("/Width", "/Height")}
    picture.update({NameObject(name): value for name, value in size.items()})
    picture[NameObject("/Subtype")] = NameObject("/Image")
    picture[NameObject("/ColorSpace")] = NameObject("/DeviceGray")
    picture[NameObject("/BitsPerComponent")] = pypdf.generic.NumberObject(8)
    known = writer._add_object(picture)
    for _ in range(n):
        sheet = writer.add_blank_page(595, 842)
        shown = DictionaryObject({NameObject("/Im0"): known})
        sheet[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): shown})
        stream = DecodedStreamObject()
        stream.set_data(b"q 595 0 0 842 0 0 cm /Im0 Do Q")
        sheet[NameObject("/Contents")] = writer._add_object(stream)
    return _bytes(writer)


def _written(pages: Sequence[bytes]) -> pypdf.PdfWriter:
    """Pages of A4 that draw what they are told."""
    writer = pypdf.PdfWriter()
    fonts = DictionaryObject()
    for name, base in (("/F1", "/Helvetica"), ("/F2", "/Helvetica-Bold")):
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": base, "/Encoding": "/WinAnsiEncoding"}
        known = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
        fonts[NameObject(name)] = writer._add_object(known)
    for page in pages:
        sheet = writer.add_blank_page(595, 842)
        sheet[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(page)
        sheet[NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    return writer


def _bytes(writer: pypdf.PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _set(text: str) -> list[Said]:
    return [(12, 780 - LINE * n, line) for n, line in enumerate(text.split("\n")) if line]


def _drawn(page: Sequence[Said]) -> bytes:
    return "".join(words(72, y, text, size) for size, y, text in page).encode("cp1252")
