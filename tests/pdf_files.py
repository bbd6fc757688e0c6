"""Small PDF files, written by hand: pages of text, of one picture, and of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 612, 792  # points: US letter


@dataclass(frozen=True, slots=True)
class Page:
    """Lines of text, and a picture of one colour at (x, y, width, height) in points, as 100 x 80 pixels."""

    lines: tuple[str, ...] = ()
    color: tuple[int, int, int] | None = None
    place: tuple[int, int, int, int] = (100, 100, 300, 240)


def pdf(*pages: Page) -> bytes:
    """A file with these pages."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    kids = []
    for page in pages:
        picture = stream(b"", b"") if page.color is None else _picture(page.color)
        objects += [picture, stream(b"", _content(page))]
        number = len(objects)
        resources = b"<< /Font << /F1 3 0 R >> /XObject << /P1 %d 0 R >> >>" % (number - 1)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources %s /Contents %d 0 R >>"
            % (WIDTH, HEIGHT, resources, number)
        )
        kids.append(b"%d 0 R" % (number + 1))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(pages))
    return _file(objects)


def one_page(
    content: bytes,
    *objects: bytes,
    entries: bytes = b"",
    resources: bytes = b"",
    catalog: bytes = b"",
    box: tuple[int, int, int, int] = (0, 0, WIDTH, HEIGHT),
) -> bytes:
    """A file with a page that is written out. The font is /F1, a green picture is /P1, the first of `objects` is 7."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [%d %d %d %d] /Contents 5 0 R" % box
    resources = b"/Resources << /Font << /F1 3 0 R >> /XObject << /P1 4 0 R %s >> >>" % resources
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            b"<< /Type /Pages /Kids [6 0 R] /Count 1 >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            _picture((20, 160, 60)),
            stream(b"", content),
            b"%s %s %s >>" % (page, resources, entries),
            *objects,
        ]
    )


def _content(page: Page) -> bytes:
    text = b"".join(
        b"BT /F1 12 Tf 72 %d Td (%s) Tj ET\n" % (720 - 16 * number, line.encode("latin-1"))
        for number, line in enumerate(page.lines)
    )
    if page.color is None:
        return text
    x, y, width, height = page.place
    return text + b"q %d 0 0 %d %d %d cm /P1 Do Q\n" % (width, height, x, y)


def _picture(color: tuple[int, int, int]) -> bytes:
    entries = b"/Type /XObject /Subtype /Image /Width 100 /Height 80 /ColorSpace /DeviceRGB /BitsPerComponent 8"
    return stream(entries, bytes(color) * 8000)


def stream(entries: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _file(objects: Sequence[bytes]) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
