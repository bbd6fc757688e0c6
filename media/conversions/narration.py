"""Speaks a text sentence by sentence: for recordings, and for the films that need to know when what is said.

Sentences come one at a time, so that memory stays small however long the text is, and a stop is heard between two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from media.conversions.espeak import Samples, espeak
from media.conversions.languages import LANGUAGES, guess_language, language_named, language_of_letters
from media.conversions.orders import Wishes
from media.conversions.script import Block, BlockKind, sentences, speakable
from media.errors import MediaError
from media.limits import Limits
from media.stopping import ShouldStop

PAUSE_S = {BlockKind.HEADING: 0.7, BlockKind.PROSE: 0.5, BlockKind.POINT: 0.35}
SENTENCE_PAUSE_S = 0.15  # beyond what the voice leaves by itself


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is spoken in one go, and the silence behind it."""

    text: str
    pause_s: float


class Narrator:
    """A voice that was chosen."""

    def __init__(self, language: str, wishes: Wishes, should_stop: ShouldStop, language_name: str = "") -> None:
        self.language = language
        self.language_name = language_name or LANGUAGES[language].name
        self._wishes = wishes
        self._should_stop = should_stop
        self._engine = espeak()

    @property
    def rate(self) -> int:
        return self._engine.rate

    def say(self, sentence: Sentence) -> Samples:
        """One channel of samples, with the pause. A voice that cannot read a sentence's letters would spell them.

        Raises:
            Stopped: somebody said so.
        """
        language = self.language if self._wishes.language else language_of_letters(sentence.text) or self.language
        self._engine.choose(language, self._wishes.voice, self._wishes.words_per_minute)
        spoken = self._engine.say(speakable(sentence.text), self._should_stop)
        return np.pad(spoken, ((0, 0), (0, round(sentence.pause_s * self.rate))))


def narrator_for(text: str, wishes: Wishes, limits: Limits, should_stop: ShouldStop) -> Narrator:
    """A voice in the language that was asked for, or its own where it was chosen by name, or in the text's.

    Raises:
        MediaError: nobody speaks it, or the text is too long.
    """
    if len(text) > limits.max_spoken_chars:
        message = f"It has {len(text):,} letters; {limits.max_spoken_chars:,} are spoken at most, some nine hours."
        raise MediaError("Text too long", message, "Convert a part of it.")
    if wishes.language:
        return Narrator(language_named(wishes.language), wishes, should_stop)
    if wishes.voice:
        language, language_name = _spoken_by(wishes.voice)
        return Narrator(language, wishes, should_stop, language_name)
    return Narrator(guess_language(text), wishes, should_stop)


def _spoken_by(name: str) -> tuple[str, str]:
    """The language of a voice, whose words stand in for what nobody reads aloud (English where there are none), and
    what people call it.

    Raises:
        MediaError: there is no such voice.
    """
    voice = espeak().open(name)
    for code, language in LANGUAGES.items():
        if {code, language.voice} & {part for spoken in voice.languages for part in (spoken, spoken.partition("-")[0])}:
            return code, language.name
    return "en", voice.name


def block_sentences(block: Block, language: str) -> list[Sentence]:
    """What is said of a block: its words, or what it is where nobody would read it aloud."""
    said = LANGUAGES[language]
    stand_ins = {BlockKind.CODE: said.code, BlockKind.FORMULA: said.formula, BlockKind.TABLE: said.table}
    pieces = [stand_ins[block.kind]] if block.kind in stand_ins else sentences(speakable(block.text))
    pause = PAUSE_S.get(block.kind, 0.5)
    return [
        Sentence(piece, pause if number == len(pieces) else SENTENCE_PAUSE_S) for number, piece in enumerate(pieces, 1)
    ]


def all_sentences(blocks: Sequence[Block], language: str) -> list[Sentence]:
    return [sentence for block in blocks for sentence in block_sentences(block, language)]
