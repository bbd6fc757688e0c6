"""The languages that are spoken: those of Llama 4 but Tagalog, for which espeak-ng has no voice, and some in letters
that no other voice could read.

Where nobody says which language a text is in, its letters tell Arabic, Hindi, Thai and others, and its commonest short
words tell the rest. Speaking German with an English voice is so bad that a good guess is worth these few lines; a
library for two hundred languages is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from media.errors import MediaError


@dataclass(frozen=True, slots=True)
class Language:
    """How a language is told and spoken."""

    name: str
    voice: str  # espeak-ng's
    common: frozenset[str]  # words that few texts do without, and the other languages have not
    code: str = "Code."  # said in the place of a block of source code
    formula: str = "Formula."
    table: str = "Table."


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


LANGUAGES = {
    "ar": Language("Arabic", "ar", frozenset(), "شفرة.", "صيغة.", "جدول."),
    "en": Language(
        "English",
        "en-us",
        _words("the of and to is that it was for are with this you not have from hello thanks please"),
    ),
    "fr": Language(
        "French",
        "fr",
        _words("le les des est et une dans du que pas pour qui sur au avec ce merci bonjour salut"),
        "Code.",
        "Formule.",
        "Tableau.",
    ),
    "de": Language(
        "German",
        "de",
        _words(
            "der die und das ist nicht ein eine den mit von zu auf für sich dem vielen dank danke bitte hallo ja nein"
        ),
        "Quelltext.",
        "Formel.",
        "Tabelle.",
    ),
    "hi": Language("Hindi", "hi", frozenset(), "कोड।", "सूत्र।", "तालिका।"),
    "id": Language(
        "Indonesian",
        "id",
        _words("yang dan di itu ini dengan untuk tidak dari dalam adalah pada akan ke terima kasih selamat"),
        "Kode.",
        "Rumus.",
        "Tabel.",
    ),
    "it": Language(
        "Italian",
        "it",
        _words("il di che è non la per un sono una della con gli del si nel grazie ciao buongiorno"),
        "Codice.",
        "Formula.",
        "Tabella.",
    ),
    "pt": Language(
        "Portuguese",
        "pt-br",
        _words("o que não uma do da em os para com é no se na mais as você está são também muito isso obrigado olá"),
        "Código.",
        "Fórmula.",
        "Tabela.",
    ),
    "es": Language(
        "Spanish",
        "es",
        _words("el los que y en las por con una del es un no se para está gracias hola"),
        "Código.",
        "Fórmula.",
        "Tabla.",
    ),
    "th": Language("Thai", "th", frozenset(), "โค้ด", "สูตร", "ตาราง"),
    "vi": Language(
        "Vietnamese",
        "vi",
        _words("là của và có không được một cho các trong những này với người cảm ơn chào"),
        "Mã.",
        "Công thức.",
        "Bảng.",
    ),
    "ru": Language("Russian", "ru", frozenset(), "Код.", "Формула.", "Таблица."),
    "el": Language("Greek", "el", frozenset(), "Κώδικας.", "Τύπος.", "Πίνακας."),
    "ja": Language("Japanese", "ja", frozenset(), "コード。", "すうしき。", "ひょう。"),  # this voice reads kana only
    "ko": Language("Korean", "ko", frozenset(), "코드.", "수식.", "표."),
    "zh": Language("Chinese", "cmn", frozenset(), "代码。", "公式。", "表格。"),
}

_TAGALOG = _words("ang ng mga sa na ay hindi ito po ko mo siya kung para")
_LETTERS = {  # those of Japanese before those that it shares with Chinese
    "ar": r"[\u0600-\u06ff]", "hi": r"[\u0900-\u097f]", "th": r"[\u0e00-\u0e7f]", "ru": r"[\u0400-\u04ff]",
    "el": r"[\u0370-\u03ff]", "ja": r"[\u3040-\u30ff]", "ko": r"[\uac00-\ud7af]", "zh": r"[\u4e00-\u9fff]",
}  # fmt: skip
_LOOKED_AT = 5000  # letters, from which a language is guessed


def language_named(code: str) -> str:
    """The code of a language that is spoken, from what a person wrote: "de", "de-AT".

    Raises:
        MediaError: it is not spoken here.
    """
    found = code.lower().replace("_", "-").partition("-")[0]
    if found in LANGUAGES:
        return found
    spoken = ", ".join(LANGUAGES)
    if found in ("tl", "fil"):
        raise MediaError(
            "Tagalog has no voice", "The voices in the box do not speak Tagalog (Filipino).",
            f"Choose another voice by its language ({spoken}); Indonesian comes closest.",
        )  # fmt: skip
    raise MediaError("Unknown language", f"No voice in the box speaks {code!r}.", f"These are spoken: {spoken}.")


def guess_language(text: str) -> str:
    """The likeliest language of a text, by its letters and then by its short words; English where nothing tells.

    Raises:
        MediaError: it is Tagalog.
    """
    text = text[:_LOOKED_AT].lower()
    if code := language_of_letters(text):
        return code
    words = re.findall(r"[^\W\d_]+", text)
    counts = {code: _count(words, language.common) for code, language in LANGUAGES.items()}
    best = max(counts, key=lambda code: (counts[code], code == "en"))
    return language_named("tl") if _count(words, _TAGALOG) > counts[best] + 1 else best


def language_of_letters(text: str) -> str:
    """The language that is written in letters of its own, of which the text has many; empty where there is none."""
    num_letters = sum(char.isalpha() for char in text)
    return next((code for code, found in _LETTERS.items() if len(re.findall(found, text)) * 3 > num_letters), "")


def _count(words: Iterable[str], common: frozenset[str]) -> int:
    return sum(word in common for word in words)
