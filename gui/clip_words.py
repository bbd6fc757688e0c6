"""What is said in words of a clip or a recording: what it costs, which stretch is sent, who wrote its speech down."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale

from core_model.types import TileGeometry
from gui import words
from gui.clips import Clip
from media.types import Timeline

SHORT_S = 10.0  # below this a tenth of a second is worth saying


def _tr(text: str) -> str:
    return QCoreApplication.translate("ClipPanel", text)


def total(clip: Clip, tiles: TileGeometry | None) -> str:
    """What it costs, all of it; of its pictures only where a model says how it cuts them."""
    pictures, texts = clip.cost(tiles)
    number = len(clip.frames)
    what = _tr("1 picture") if number == 1 else _tr("{0} pictures").format(number)
    if tiles is None:
        return _tr("{0}, about {1} of words").format(what, words.tokens(texts))
    sentence = _tr("{0} in all: {1} for {2}, about {3} for words")
    return sentence.format(words.tokens(pictures + texts), f"{pictures:,}", what, f"{texts:,}")


def stretch(length_s: float, part: tuple[float, float] | None) -> str:
    """ "0:04.0 to 0:09.5 of 0:14"; "All of 0:14" where it is no part."""
    duration = words.duration(length_s) if length_s >= SHORT_S else words.moment(length_s)
    if part is None:
        return _tr("All of {0}").format(duration)
    return _tr("{0} to {1} of {2}").format(words.moment(part[0]), words.moment(part[1]), duration)


def written_by(timeline: Timeline) -> str:
    """Who wrote its speech down, and in which language that is."""
    language = language_name(timeline.language) if timeline.speech else ""
    return " · ".join(part for part in (words.written_by(timeline), language) if part)


def language_name(code: str) -> str:
    """ "English" for "en"; the code itself where nobody knows it."""
    if not code:
        return ""
    language = QLocale.codeToLanguage(code.split("-")[0])
    return code if language is QLocale.Language.AnyLanguage else QLocale.languageToString(language)
