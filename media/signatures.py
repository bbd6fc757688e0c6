"""What the first bytes of a file say that it is: a table, and the few formats that need a closer look.

The table knows more than the program can open, because "this is a HEIC picture" helps a person and "cannot identify
image file" does not. It reads signatures only and decodes nothing; a file that merely begins like a picture is found
out by its decoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from media.types import MediaKind

HEAD_BYTES = 4096  # enough for every signature here, and to see that text is text


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A kind of file, with the words for people."""

    name: str  # "png"
    label: str  # "a PNG picture": goes after "is" and "holds"
    kind: MediaKind | None  # None: no medium at all
    suffixes: tuple[str, ...] = ()  # the endings that are honest for it
    advice: str = ""  # what to do with it while this program cannot open it


_SAVE_AS = "Save it as JPEG or PNG in a picture program, then drop that."
_UNPACK = "Unpack it, and drop what is inside."
_PASTE = "Open it, and paste the text into the question."
_WEB_PAGE = "The download brought the page around the picture. Open it in a browser, and save the picture itself."
_RAW_SUFFIXES = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2")
_OFFICE_SUFFIXES = (".docx", ".xlsx", ".pptx", ".doc", ".xls", ".ppt")

FORMATS = {
    found.name: found
    for found in (
        FileFormat("png", "a PNG picture", MediaKind.IMAGE, (".png", ".apng")),
        FileFormat("jpeg", "a JPEG picture", MediaKind.IMAGE, (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
        FileFormat("gif", "a GIF picture", MediaKind.IMAGE, (".gif",)),
        FileFormat("webp", "a WebP picture", MediaKind.IMAGE, (".webp",)),
        FileFormat("bmp", "a BMP picture", MediaKind.IMAGE, (".bmp", ".dib")),
        FileFormat("tiff", "a TIFF picture", MediaKind.IMAGE, (".tif", ".tiff")),
        FileFormat("raw", "a camera's raw picture", MediaKind.IMAGE, _RAW_SUFFIXES, _SAVE_AS),
        FileFormat("heic", "a HEIC picture", MediaKind.IMAGE, (".heic", ".heif")),
        FileFormat("avif", "an AVIF picture", MediaKind.IMAGE, (".avif",)),
        FileFormat("jxl", "a JPEG XL picture", MediaKind.IMAGE, (".jxl",), _SAVE_AS),
        FileFormat("jp2", "a JPEG 2000 picture", MediaKind.IMAGE, (".jp2", ".jpx"), _SAVE_AS),
        FileFormat("psd", "a Photoshop picture", MediaKind.IMAGE, (".psd",), _SAVE_AS),
        FileFormat("ico", "an icon", MediaKind.IMAGE, (".ico",), _SAVE_AS),
        FileFormat("netpbm", "a Netpbm picture", MediaKind.IMAGE, (".ppm", ".pgm", ".pbm", ".pnm"), _SAVE_AS),
        FileFormat("svg", "an SVG drawing", MediaKind.IMAGE, (".svg",)),
        FileFormat("mp4", "an MP4 video", MediaKind.VIDEO, (".mp4", ".m4v")),
        FileFormat("mov", "a QuickTime video", MediaKind.VIDEO, (".mov", ".qt")),
        FileFormat("webm", "a WebM video", MediaKind.VIDEO, (".webm",)),
        FileFormat("mkv", "a Matroska video", MediaKind.VIDEO, (".mkv", ".mka")),
        FileFormat("avi", "an AVI video", MediaKind.VIDEO, (".avi",)),
        FileFormat("ogv", "an Ogg video", MediaKind.VIDEO, (".ogv", ".ogg", ".ogx")),
        FileFormat("m4a", "an M4A recording", MediaKind.AUDIO, (".m4a", ".m4b")),
        FileFormat("mp3", "an MP3 recording", MediaKind.AUDIO, (".mp3",)),
        FileFormat("wav", "a WAV recording", MediaKind.AUDIO, (".wav",)),
        FileFormat("flac", "a FLAC recording", MediaKind.AUDIO, (".flac",)),
        FileFormat("ogg", "an Ogg recording", MediaKind.AUDIO, (".ogg", ".oga", ".opus", ".ogx")),
        FileFormat("aac", "an AAC recording", MediaKind.AUDIO, (".aac", ".adts")),
        FileFormat("pdf", "a PDF document", MediaKind.DOCUMENT, (".pdf",)),
        FileFormat("office", "an Office document", MediaKind.DOCUMENT, _OFFICE_SUFFIXES),
        FileFormat("odf", "an OpenDocument file", MediaKind.DOCUMENT, (".odt", ".ods", ".odp", ".odg")),
        FileFormat("epub", "an EPUB book", MediaKind.DOCUMENT, (".epub",)),
        FileFormat("html", "a web page", MediaKind.DOCUMENT, (".html", ".htm", ".xhtml"), _WEB_PAGE),
        FileFormat("text", "text", MediaKind.DOCUMENT, (), _PASTE),
        FileFormat("zip", "a ZIP archive", None, (".zip",), _UNPACK),
        FileFormat("gzip", "a gzip archive", None, (".gz", ".tgz"), _UNPACK),
        FileFormat("7z", "a 7-Zip archive", None, (".7z",), _UNPACK),
        FileFormat("rar", "a RAR archive", None, (".rar",), _UNPACK),
    )
}  # fmt: skip

# An ending found here promises something; a file that holds something else is misnamed.
KNOWN_SUFFIXES = frozenset(suffix for found in FORMATS.values() for suffix in found.suffixes)

_SIGNATURES = (  # offset, the bytes there, format; the first match wins
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (8, b"CR\x02\x00", "raw"),  # Canon's: a TIFF as well, but its first page is a small preview
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"II+\x00", "tiff"),  # BigTIFF, with 64-bit offsets
    (0, b"MM\x00+", "tiff"),
    (0, b"8BPS", "psd"),
    (0, b"\x00\x00\x01\x00", "ico"),
    (0, b"\x00\x00\x00\x0cjP  ", "jp2"),
    (0, b"\x00\x00\x00\x0cJXL ", "jxl"),
    (0, b"\xff\x0a", "jxl"),
    (0, b"fLaC", "flac"),
    (0, b"ID3\x02", "mp3"),  # with its version: "ID3" alone could begin a text
    (0, b"ID3\x03", "mp3"),
    (0, b"ID3\x04", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (0, b"\xff\xfa", "mp3"),  # with checksums
    (0, b"\xff\xf2", "mp3"),
    (0, b"\xff\xe3", "mp3"),  # at the low rates of old telephones
    (0, b"\xff\xf1", "aac"),
    (0, b"\xff\xf9", "aac"),
    (0, b"\xd0\xcf\x11\xe0", "office"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"7z\xbc\xaf", "7z"),
    (0, b"Rar!", "rar"),
)
_RIFF = {b"WEBP": "webp", b"WAVE": "wav", b"AVI ": "avi"}
_OGG_PICTURES = (b"\x80theora", b"OVP80\x01", b"BBCD\x00")  # Theora, VP8, Dirac
_BRANDS = {b"avif": "avif", b"avis": "avif", b"qt  ": "mov", b"M4A ": "m4a", b"M4B ": "m4a", b"crx ": "raw"}
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_ZIPPED = (  # documents that are ZIP archives name themselves in their first entry
    *((first, "office") for first in (b"[Content_Types].xml", b"_rels/.rels", b"docProps/", b"word/", b"xl/", b"ppt/")),
    (b"mimetypeapplication/epub", "epub"),
    (b"mimetypeapplication/vnd.oasis", "odf"),
)
_OLD_MOV = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # boxes that QuickTime began with before it had ftyp
_PDF_LINE = re.compile(rb"[\r\n]%PDF-\d\.\d(?:[\r\n]|\Z)")
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)  # "BM" alone could begin a text
_NETPBM = re.compile(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s")  # its size follows; "P1" alone could begin a text
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK, _UTF32_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_FEWEST_UTF16 = 16  # bytes
_TEXT_BYTES = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\n\r\f\b\x1b"


def tag_length(head: bytes) -> int:
    """How many bytes the tag takes that some write before any recording (ID3v2); 0 where there is none."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] not in (2, 3, 4) or max(head[6:10]) > 0x7F:
        return 0
    has_footer = bool(head[3] == 4 and head[5] & 0x10)
    return 10 + 10 * has_footer + sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:10])))


def recognise(head: bytes) -> FileFormat | None:
    """Which format a file with these first bytes (`HEAD_BYTES` of them) is in; None for an unknown one."""
    for offset, mark, name in _SIGNATURES:
        if head.startswith(mark, offset):
            return FORMATS[name]
    name_or_none = _container(head) or _text(head)
    return FORMATS[name_or_none] if name_or_none else None


def _container(head: bytes) -> str | None:
    """Formats whose signature is spread out, or says only which family it is."""
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[:4] in (b"RIFF", b"RF64"):  # the second is for more than 4 GB
        return _RIFF.get(head[8:12])
    if head[:4] == b"OggS":  # each stream names itself in a first page of its own; those come before all else
        return "ogv" if any(name in head for name in _OGG_PICTURES) else "ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    if head[:4] == b"PK\x03\x04":
        return next((name for mark, name in _ZIPPED if head.startswith(mark, 30)), "zip")
    if _is_pdf(head):
        return "pdf"
    if head[4:8] in _OLD_MOV and head[:16].translate(None, _TEXT_BYTES):  # no text: "The wide sea"
        return "mov"
    if _NETPBM.match(head):
        return "netpbm"
    is_bmp = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES
    return "bmp" if is_bmp else None


def _is_pdf(head: bytes) -> bool:
    """Readers allow junk before a document. A text that is about PDF names it, too, but not on a line of its own."""
    at = head.find(b"%PDF-", 0, 1024)
    before = head[: max(at, 0)].removeprefix(_UTF8_MARK)
    is_within_text = bool(before.strip()) and not before.translate(None, _TEXT_BYTES)
    return at >= 0 and (not is_within_text or bool(_PDF_LINE.search(head)))


def _iso_media(head: bytes) -> str:
    """One box format serves films, recordings and pictures; its brands tell them apart."""
    brand, other_brands = head[8:12], head[16 : int.from_bytes(head[:4], "big")]
    if brand in _HEIC_BRANDS:
        return "avif" if b"avif" in other_brands else "heic"
    return _BRANDS.get(brand, "mp4")


def _text(head: bytes) -> str | None:
    if head.startswith(_UTF32_MARKS) or head[:2] in UTF16_MARKS or utf16_without_mark(head):
        return "text"
    if not head or head.translate(None, _TEXT_BYTES):
        return None
    start = _behind_prologue(head.removeprefix(_UTF8_MARK).lstrip().lower())
    if start.startswith((b"<!doctype html", b"<html")):
        return "html"
    is_svg = start.startswith(b"<svg") or (head.removeprefix(_UTF8_MARK).lstrip()[:5] == b"<?xml" and b"<svg" in start)
    return "svg" if is_svg else "text"


def _behind_prologue(start: bytes) -> bytes:
    """What follows what pages and drawings may begin with: a declaration of XML, and comments."""
    while start.startswith((b"<?xml", b"<!--")):
        start = start.partition(b"?>" if start.startswith(b"<?") else b"-->")[2].lstrip()
    return start


def utf16_without_mark(head: bytes) -> str:
    """The encoding of a text of two bytes a letter that does not say so, as Windows writes some; empty for others."""
    for name, letters, zeros in (("utf-16-le", head[::2], head[1::2]), ("utf-16-be", head[1::2], head[::2])):
        if (
            len(head) >= _FEWEST_UTF16
            and zeros.count(0) > 0.9 * len(zeros)
            and not letters.translate(None, _TEXT_BYTES)
        ):
            return name
    return ""
