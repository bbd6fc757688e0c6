"""What the first bytes of a file say that it is: a table, and the few formats that need a closer look.

The table knows more than the program can open, because "this is a HEIC photograph" helps a person and "cannot
identify image file" does not. It reads signatures only and decodes nothing; a file that merely begins like a picture
is found out by its decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.types import MediaKind

HEAD_BYTES = 4096  # enough for every signature here, and to see that text is text

_SAVE_AS = "Save it as JPEG or PNG in a picture program, then drop that."


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A kind of file, with the words for people."""

    name: str  # "png"
    label: str  # "a PNG picture": goes after "holds" and "is"
    kind: MediaKind | None  # None: no medium at all
    suffixes: tuple[str, ...] = ()  # names that are honest for it
    advice: str = ""  # what to do with it, when this program cannot open it


def _image(name: str, label: str, *suffixes: str, advice: str = "") -> FileFormat:
    return FileFormat(name, label, MediaKind.IMAGE, suffixes, advice)


_TEXT = FileFormat("text", "text", None, advice="Open it, and paste the text into the question.")
_WEB_PAGE = FileFormat(
    "html",
    "a web page",
    None,
    (".html", ".htm"),
    "The download brought the page around the picture. Open it in a browser, and save the picture itself.",
)
_SVG = _image("svg", "an SVG drawing", ".svg", advice=_SAVE_AS)
_BMP = _image("bmp", "a BMP picture", ".bmp", ".dib")
_MP4 = FileFormat("mp4", "an MP4 video", MediaKind.VIDEO, (".mp4", ".m4v"))
_MOV = FileFormat("mov", "a QuickTime video", MediaKind.VIDEO, (".mov", ".qt"))
_M4A = FileFormat("m4a", "an M4A recording", MediaKind.AUDIO, (".m4a", ".m4b"))
_HEIC = _image("heic", "a HEIC picture", ".heic", ".heif", advice=_SAVE_AS)
_AVIF = _image("avif", "an AVIF picture", ".avif", advice=_SAVE_AS)
_RAW = _image("raw", "a camera's raw picture", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", advice=_SAVE_AS)
_WEBM = FileFormat("webm", "a WebM video", MediaKind.VIDEO, (".webm",))
_MKV = FileFormat("mkv", "a Matroska video", MediaKind.VIDEO, (".mkv", ".mka"))
_OFFICE = FileFormat(
    "office", "a Word, Excel or PowerPoint document", MediaKind.DOCUMENT, (".docx", ".xlsx", ".pptx", ".dotx", ".xlsm")
)
_EPUB = FileFormat("epub", "an EPUB book", MediaKind.DOCUMENT, (".epub",))
_OPEN_DOCUMENT = FileFormat("odf", "an OpenDocument file", MediaKind.DOCUMENT, (".odt", ".ods", ".odp", ".odg"))
_ZIP = FileFormat("zip", "a ZIP archive", None, (".zip", ".jar"), "Unpack it, and drop what is inside.")

# Offset, bytes there, format. The first match wins.
_SIGNATURES: tuple[tuple[int, bytes, FileFormat], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _image("png", "a PNG picture", ".png", ".apng")),
    (0, b"\xff\xd8\xff", _image("jpeg", "a JPEG picture", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
    (0, b"GIF87a", _image("gif", "a GIF picture", ".gif")),
    (0, b"GIF89a", _image("gif", "a GIF picture", ".gif")),
    (8, b"CR\x02\x00", _RAW),  # a TIFF too, of which only a preview could be read
    (0, b"II*\x00", _image("tiff", "a TIFF picture", ".tif", ".tiff")),
    (0, b"MM\x00*", _image("tiff", "a TIFF picture", ".tif", ".tiff")),
    (0, b"II+\x00", _image("tiff", "a TIFF picture", ".tif", ".tiff")),
    (0, b"MM\x00+", _image("tiff", "a TIFF picture", ".tif", ".tiff")),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"8BPS", _image("psd", "a Photoshop document", ".psd", advice=_SAVE_AS)),
    (0, b"\x00\x00\x01\x00", _image("ico", "an icon", ".ico", advice=_SAVE_AS)),
    (0, b"\x00\x00\x00\x0cjP  ", _image("jp2", "a JPEG 2000 picture", ".jp2", ".jpx", advice=_SAVE_AS)),
    (0, b"\x00\x00\x00\x0cJXL ", _image("jxl", "a JPEG XL picture", ".jxl", advice=_SAVE_AS)),
    (0, b"\xff\x0a", _image("jxl", "a JPEG XL picture", ".jxl", advice=_SAVE_AS)),
    (0, b"fLaC", FileFormat("flac", "a FLAC recording", MediaKind.AUDIO, (".flac",))),
    (0, b"OggS", FileFormat("ogg", "an Ogg recording", MediaKind.AUDIO, (".ogg", ".oga", ".opus", ".ogv"))),
    (0, b"ID3", FileFormat("mp3", "an MP3 recording", MediaKind.AUDIO, (".mp3",))),
    (0, b"\xff\xfb", FileFormat("mp3", "an MP3 recording", MediaKind.AUDIO, (".mp3",))),
    (0, b"\xff\xf3", FileFormat("mp3", "an MP3 recording", MediaKind.AUDIO, (".mp3",))),
    (0, b"\xd0\xcf\x11\xe0", FileFormat("ole", "an older Office document", MediaKind.DOCUMENT, (".doc", ".xls", ".ppt"))),
    (0, b"\x1f\x8b", FileFormat("gzip", "a gzip archive", None, (".gz", ".tgz"), "Unpack it, and drop what is inside.")),
    (0, b"7z\xbc\xaf", FileFormat("7z", "a 7-Zip archive", None, (".7z",), "Unpack it, and drop what is inside.")),
    (0, b"Rar!", FileFormat("rar", "a RAR archive", None, (".rar",), "Unpack it, and drop what is inside.")),
    (0, b"GGUF", FileFormat("gguf", "a GGUF model", None, (".gguf",), "Models are opened in the model menu.")),
)  # fmt: skip

_BRANDS = {b"qt  ": _MOV, b"M4A ": _M4A, b"M4B ": _M4A, b"crx ": _RAW}
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_RIFF = {
    b"WEBP": _image("webp", "a WebP picture", ".webp"),
    b"WAVE": FileFormat("wav", "a WAV recording", MediaKind.AUDIO, (".wav",)),
    b"AVI ": FileFormat("avi", "an AVI video", MediaKind.VIDEO, (".avi",)),
}
_PDF = FileFormat("pdf", "a PDF document", MediaKind.DOCUMENT, (".pdf",))
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_TEXT_BYTES = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\n\r\f\b\x1b"


def recognise(head: bytes) -> FileFormat | None:
    """Which format a file with these first bytes (up to `HEAD_BYTES`) is in; None for an unknown one."""
    for offset, mark, found in _SIGNATURES:
        if head.startswith(mark, offset):
            return found
    return _container(head) or _text(head)


def known_suffixes() -> frozenset[str]:
    """Endings that promise something: a file so named that holds something else is misnamed."""
    formats = [found for _, _, found in _SIGNATURES]
    formats += [*_RIFF.values(), *_BRANDS.values()]
    formats += [_HEIC, _AVIF, _MP4, _WEBM, _MKV, _PDF, _SVG, _BMP, _OFFICE, _EPUB, _OPEN_DOCUMENT, _ZIP]
    return frozenset(suffix for found in formats for suffix in found.suffixes)


def _container(head: bytes) -> FileFormat | None:
    """Formats whose signature is spread out, or says only which family it is."""
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _WEBM if b"webm" in head[:64] else _MKV
    if head[:4] == b"PK\x03\x04":
        return _zipped(head)
    if b"%PDF-" in head[:1024]:  # readers allow junk before it
        return _PDF
    is_bmp = head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES
    return _BMP if is_bmp else None


def _iso_media(head: bytes) -> FileFormat:
    """One box format for films, recordings and pictures: the brands tell them apart."""
    brand, others = head[8:12], head[16 : int.from_bytes(head[:4], "big")]
    if brand in (b"avif", b"avis") or (brand in _HEIC_BRANDS and b"avif" in others):
        return _AVIF
    if brand in _HEIC_BRANDS:
        return _HEIC
    return _BRANDS.get(brand, _MP4)


def _zipped(head: bytes) -> FileFormat:
    """Documents that are ZIP archives name themselves in their first entry."""
    if head.startswith(b"[Content_Types].xml", 30):
        return _OFFICE
    if head.startswith(b"mimetypeapplication/epub", 30):
        return _EPUB
    return _OPEN_DOCUMENT if head.startswith(b"mimetypeapplication/vnd.oasis", 30) else _ZIP


def _text(head: bytes) -> FileFormat | None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16, which is full of zero bytes
        return _TEXT
    if not head or head.translate(None, _TEXT_BYTES):
        return None
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return _SVG
    return _WEB_PAGE if start.startswith((b"<!doctype html", b"<html")) else _TEXT
