"""The table of conversions: from what to what, by which converter, and whether the model has to say something first.

Twelve directions lead from each of the four kinds to each other one; the further ones change the format and keep the
kind, because the same converters do it. A direction that is not here does not exist, for the terminal and the window
alike: both ask here what they may offer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from media.conversions.orders import SUBTITLES, TARGETS, Kind
from media.errors import MediaError


class Words(Enum):
    """Whether a conversion wants words about its source, which the model writes."""

    NOT_USED = 0
    WELCOME = 1  # without them it is silent, or shorter
    NEEDED = 2


@dataclass(frozen=True, slots=True)
class Way:
    """One direction."""

    family: str  # which module does it
    done: str  # what the converter has done then, and who it is, for people
    words: Words = Words.NOT_USED


TABLE: dict[tuple[Kind, Kind], Way] = {
    (Kind.TEXT, Kind.AUDIO): Way("speech", "spoken by espeak-ng"),
    (Kind.TEXT, Kind.IMAGE): Way("drawing", "drawn by Altiplano"),
    (Kind.TEXT, Kind.VIDEO): Way("slides", "set as slides by Altiplano, spoken by espeak-ng"),
    (Kind.IMAGE, Kind.TEXT): Way("words", "", Words.NEEDED),
    (Kind.IMAGE, Kind.AUDIO): Way("speech", "spoken by espeak-ng", Words.NEEDED),
    (Kind.IMAGE, Kind.VIDEO): Way("pan", "filmed by Altiplano", Words.WELCOME),
    (Kind.AUDIO, Kind.TEXT): Way("transcript", "written down by a recogniser"),
    (Kind.AUDIO, Kind.IMAGE): Way("sound_picture", "drawn by Altiplano"),
    (Kind.AUDIO, Kind.VIDEO): Way("sound_film", "filmed by Altiplano"),
    (Kind.VIDEO, Kind.TEXT): Way("transcript", "written down by a recogniser", Words.WELCOME),
    (Kind.VIDEO, Kind.IMAGE): Way("stills", "taken from the clip by Altiplano"),
    (Kind.VIDEO, Kind.AUDIO): Way("track", "taken from the clip by Altiplano"),
    (Kind.AUDIO, Kind.AUDIO): Way("track", "written again by Altiplano"),
    (Kind.TEXT, Kind.TEXT): Way("words", "read by Altiplano"),
}


_NAMES = {Kind.TEXT: "a text", Kind.IMAGE: "a picture", Kind.AUDIO: "a recording", Kind.VIDEO: "a film"}


def find_way(source: Kind, target: Kind) -> Way:
    """Who turns the one into the other.

    Raises:
        MediaError: nobody does.
    """
    way = TABLE.get((source, target))
    if way is None:
        others = [_NAMES[kind] for kind in targets_of(source)]
        can = f"{_NAMES[source].capitalize()} can become {', '.join(others[:-1])} or {others[-1]}"
        isnt = f"not {_NAMES[target]}" if target is not source else f"not another {_NAMES[target].partition(' ')[2]}"
        raise MediaError("No such conversion", f"{can}, {isnt}.", "Give the target another ending.")
    return way


def targets_of(source: Kind) -> tuple[Kind, ...]:
    """What can be made of a kind, for a menu."""
    return tuple(target for begin, target in TABLE if begin is source)


def suffixes_of(target: Kind) -> tuple[str, ...]:
    """How files of a kind may be named, the usual one first."""
    return tuple(suffix for suffix, kind in TARGETS.items() if kind is target)


def wanted_words(source: Kind, target: Kind, suffix: str) -> Words:
    """Whether the model is to be asked about the source: subtitles hold what was said and nothing about it."""
    way = TABLE.get((source, target))
    return Words.NOT_USED if way is None or suffix in SUBTITLES else way.words
