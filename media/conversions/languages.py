"""The languages that are spoken: those of Llama 4 but Tagalog, for which espeak-ng has no voice, and some in letters
that no other voice could read.

Where nobody says which language a text is in, its letters tell it, or else py3langid: speaking German with an English
voice is so bad that nobody would understand it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from media.errors import MediaError


@dataclass(frozen=True, slots=True)
class Language:
    """How a language is spoken, and what is said in the place of a block that nobody would read aloud."""

    name: str
    voice: str  # espeak-ng's
    code: str
    formula: str
    table: str


LANGUAGES = {
    "ar": Language("Arabic", "ar", "شفرة.", "صيغة.", "جدول."),
    # The voice that a recogniser understands: 15 words wrong of 100, where "en-us" alone has 72.
    "en": Language("English", "en-us+f5", "Code.", "Formula.", "Table."),
    "fr": Language("French", "fr", "Code.", "Formule.", "Tableau."),
    "de": Language("German", "de", "Quelltext.", "Formel.", "Tabelle."),
    "hi": Language("Hindi", "hi", "कोड।", "सूत्र।", "तालिका।"),
    "id": Language("Indonesian", "id", "Kode.", "Rumus.", "Tabel."),
    "it": Language("Italian", "it", "Codice.", "Formula.", "Tabella."),
    "pt": Language("Portuguese", "pt-br", "Código.", "Fórmula.", "Tabela."),
    "es": Language("Spanish", "es", "Código.", "Fórmula.", "Tabla."),
    "th": Language("Thai", "th", "โค้ด", "สูตร", "ตาราง"),
    "vi": Language("Vietnamese", "vi", "Mã.", "Công thức.", "Bảng."),
    "ru": Language("Russian", "ru", "Код.", "Формула.", "Таблица."),
    "el": Language("Greek", "el", "Κώδικας.", "Τύπος.", "Πίνακας."),
    "ja": Language("Japanese", "ja", "コード。", "すうしき。", "ひょう。"),  # this voice reads kana only
    "ko": Language("Korean", "ko", "코드.", "수식.", "표."),
    "zh": Language("Chinese", "cmn", "代码。", "公式。", "表格。"),
}

_TAGALOG = "tl"
_LETTERS = {  # those of Japanese before those that it shares with Chinese
    "ar": r"[\u0600-\u06ff]", "hi": r"[\u0900-\u097f]", "th": r"[\u0e00-\u0e7f]", "ru": r"[\u0400-\u04ff]",
    "el": r"[\u0370-\u03ff]", "ja": r"[\u3040-\u30ff]", "ko": r"[\uac00-\ud7af]", "zh": r"[\u4e00-\u9fff]",
}  # fmt: skip
_LOOKED_AT = 5000  # letters, from which a language is guessed
_SURE = 5.0  # nats more than for English: "Guten Morgen" has 10, "Obrigado" 6, "x = 5, y = 7" 4


def language_named(code: str) -> str:
    """The code of a language that is spoken, from what a person wrote: "de", "de-AT".

    Raises:
        MediaError: it is not spoken here.
    """
    found = code.lower().replace("_", "-").partition("-")[0]
    if found in LANGUAGES:
        return found
    spoken = ", ".join(LANGUAGES)
    if found in (_TAGALOG, "fil"):
        raise MediaError(
            "Tagalog has no voice", "The voices in the box do not speak Tagalog (Filipino).",
            f"Choose another voice by its language ({spoken}); Indonesian comes closest.",
        )  # fmt: skip
    raise MediaError("Unknown language", f"No voice in the box speaks {code!r}.", f"These are spoken: {spoken}.")


def guess_language(text: str) -> str:
    """The likeliest language of a text; English where nothing tells, as of a name or a number.

    Raises:
        MediaError: it is Tagalog.
    """
    text = text[:_LOOKED_AT]
    if code := language_of_letters(text):
        return code
    likely = dict(_identifier().rank(text))
    best = max(likely, key=lambda code: likely[code])
    return language_named(best) if likely[best] - likely["en"] >= _SURE else "en"


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages([*LANGUAGES, _TAGALOG])
    return identifier


def language_of_letters(text: str) -> str:
    """The language that is written in letters of its own, of which the text has many; empty where there is none."""
    num_letters = sum(char.isalpha() for char in text)
    return next((code for code, found in _LETTERS.items() if len(re.findall(found, text)) * 3 > num_letters), "")
