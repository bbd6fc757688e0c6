"""Small PDF files, written by hand: pages of text, of one picture, and of both."""

from __future__ import annotations

import hashlib
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


_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def locked_pdf(line: bytes, password: bytes) -> bytes:
    """A page with a line, behind a password: the standard security handler, revision 2 (PDF 1.7, 7.6.3)."""
    name, rights = b"0123456789abcdef", -4
    owner = _rc4(hashlib.md5((b"owner" + _PADDING)[:32]).digest()[:5], (password + _PADDING)[:32])
    seed = (password + _PADDING)[:32] + owner + rights.to_bytes(4, "little", signed=True) + name
    key = hashlib.md5(seed).digest()[:5]
    of_page = hashlib.md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10]
    resources = b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] %s /Contents 4 0 R >>" % resources,
        stream(b"", _rc4(of_page, b"BT /F1 12 Tf 72 720 Td (%s) Tj ET" % line)),
    ]
    words = b"/Filter /Standard /V 1 /R 2 /P %d /O <%s> /U <%s>" % (
        rights, owner.hex().encode(), _rc4(key, _PADDING).hex().encode(),
    )  # fmt: skip
    names = b"/ID [<%s> <%s>]" % (name.hex().encode(), name.hex().encode())
    return _file(objects, b"/Encrypt << %s >> %s" % (words, names))


def _rc4(key: bytes, data: bytes) -> bytes:
    state, at, found = list(range(256)), 0, bytearray()
    for index in range(256):
        at = (at + state[index] + key[index % len(key)]) % 256
        state[index], state[at] = state[at], state[index]
    at = 0
    for number, byte in enumerate(data, 1):
        index = number % 256
        at = (at + state[index]) % 256
        state[index], state[at] = state[at], state[index]
        found.append(byte ^ state[(state[index] + state[at]) % 256])
    return bytes(found)


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


def _file(objects: Sequence[bytes], more: bytes = b"") -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, more, start)
    return bytes(out)
