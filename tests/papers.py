"""Papers: small documents made for tests, written with the libraries that people's programs resemble."""

import io
from collections.abc import Sequence

import pypdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

Said = tuple[float, float, str]  # size of the letters, points from the foot of the page, text
LINE = 14


def pdf(
    pages: Sequence[Sequence[Said] | str], *, marks: Sequence[tuple[str, int]] = (), lock: str | None = None
) -> bytes:
    """A PDF of lines at places. A page that is one text is set in lines of 12 points. `marks` are bookmarks."""
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )
    known = writer._add_object(font)
    for page in pages:
        sheet = writer.add_blank_page(595, 842)
        fonts = DictionaryObject({NameObject("/F1"): known})
        sheet[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(_drawn(_set(page) if isinstance(page, str) else page))
        sheet[NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    for title, page_number in marks:
        writer.add_outline_item(title=title, page_number=page_number)
    if lock is not None:
        writer.encrypt(lock, "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


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
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _set(text: str) -> list[Said]:
    return [(12, 780 - LINE * n, line) for n, line in enumerate(text.split("\n")) if line]


def _drawn(page: Sequence[Said]) -> bytes:
    shown = []
    for size, y, text in page:
        plain = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        shown.append(f"BT /F1 {size} Tf 1 0 0 1 72 {y} Tm ({plain}) Tj ET")
    return "\n".join(shown).encode("cp1252")
