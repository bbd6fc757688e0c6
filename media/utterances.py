"""Cuts a sound at its pauses into pieces that a recogniser can take one after the other.

WebRTC's detector of voices (in pocketsphinx) says for each 30 ms whether somebody may be speaking. It takes the hiss of
a room for a voice, too, so who speaks must also be louder than the quietest parts are. Pauses that are shorter than a
breath are no cut; where nobody pauses, the quietest moment is one, so that no piece is long: progress, stops and times
come piece by piece. Music is taken for voices as well. What is none is found out by the recogniser.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pocketsphinx import Vad

from media.sound import SPEECH_RATE, FloatArray
from media.stopping import ShouldStop, check_stop

FRAME_S = 0.03  # what the detector looks at
PAUSE_S = 0.45  # between words it is shorter
SHORTEST_S = 0.12  # a click is shorter than any word
HISS_PERCENT = 10  # of the time, at least, nobody speaks: between words, if nowhere else
ABOVE_HISS = 4.0  # 6 dB: 30 ms of an even noise are never that much above its quietest tenth
MARGIN_S = 0.2  # kept on both sides: words begin and end softly
LONGEST_S = 12.0
CUT_FROM_S = 6.0  # a cut in a long piece is at its quietest moment between these two

Piece = tuple[int, int]  # samples


def utterances(samples: FloatArray, should_stop: ShouldStop) -> list[Piece]:
    """Where somebody may be speaking, in order and without overlaps, none of them longer than `LONGEST_S`."""
    frame = round(FRAME_S * SPEECH_RATE)
    energy = _energies(samples, frame)
    is_voice = _voices(samples, frame, should_stop)
    if len(energy):
        is_voice &= energy > ABOVE_HISS * np.percentile(energy, HISS_PERCENT)
    margin, pieces, end = round(MARGIN_S / FRAME_S), [], 0
    for begin, until in _joined(_runs(is_voice)):
        begin, until = max(begin - margin, end), min(until + margin, len(is_voice))
        end = until
        pieces += [(first * frame, last * frame) for first, last in _cut(begin, until, energy)]
    return pieces


def _voices(samples: FloatArray, frame: int, should_stop: ShouldStop) -> npt.NDArray[np.bool_]:
    detector = Vad(mode=Vad.MEDIUM_STRICT, sample_rate=SPEECH_RATE, frame_length=FRAME_S)
    found = np.zeros(len(samples) // frame, np.bool_)
    for index in range(len(found)):
        if index % 1000 == 0:
            check_stop(should_stop)
        found[index] = detector.is_speech(pcm(samples[index * frame : (index + 1) * frame]))
    return found


def pcm(samples: FloatArray) -> bytes:
    """As pocketsphinx takes them."""
    return (samples * 32767.0).astype("<i2").tobytes()


def _energies(samples: FloatArray, frame: int) -> FloatArray:
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    found: FloatArray = np.einsum("ij,ij->i", frames, frames)
    return found


def _runs(flags: npt.NDArray[np.bool_]) -> list[Piece]:
    """Stretches of true, as [begin, end)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _joined(runs: list[Piece]) -> list[Piece]:
    """Runs with short pauses between them are one; what stays shorter than any word is none."""
    joined: list[Piece] = []
    for begin, end in runs:
        if joined and (begin - joined[-1][1]) * FRAME_S < PAUSE_S:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((begin, end))
    return [(begin, end) for begin, end in joined if (end - begin) * FRAME_S >= SHORTEST_S]


def _cut(begin: int, end: int, energy: FloatArray) -> list[Piece]:
    """In pieces of `LONGEST_S` at most."""
    earliest, latest = round(CUT_FROM_S / FRAME_S), round(LONGEST_S / FRAME_S)
    pieces = []
    while end - begin > latest:
        at = begin + earliest + int(np.argmin(energy[begin + earliest : begin + latest]))
        pieces.append((begin, at))
        begin = at
    return [*pieces, (begin, end)]
