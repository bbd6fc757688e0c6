"""Hears one piece of speech after the other with pocketsphinx; as a process too: `python -m media.hearing RATE`.

pocketsphinx keeps Python to itself while it listens, so whoever wants several pieces heard at a time starts several of
these (`media.listeners`). It reads pieces from its standard input, each behind its length, and answers each with a line
of JSON. It imports nothing that is large, since starting it is part of the wait; it ends when its input ends, and on
Linux with its parent, whatever it is doing then.
"""

from __future__ import annotations

import json
import struct
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO

import pocketsphinx

from media.parent import end_with_parent, ignore_interrupts

FRAMES = 100  # of the decoder, a second
MOST_STATES = 3000  # followed at a time: of 30,000 speech needs few, and what is none takes three times as long
HEADER = struct.Struct("<I")  # how many bytes follow


@dataclass(frozen=True, slots=True)
class Heard:
    """What was made of a piece. Times are seconds from its beginning."""

    text: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    num_words: int = 0
    sureness: float = 0.0  # the share of the piece that is words, each counted by its probability: 0 to 1


def make_decoder(rate: int) -> pocketsphinx.Decoder:
    """It takes the measure of a piece from the whole of it, before it looks for words."""
    return pocketsphinx.Decoder(samprate=rate, cmn="batch", maxhmmpf=MOST_STATES, loglevel="FATAL")


def hear(decoder: pocketsphinx.Decoder, raw: bytes) -> Heard:
    """What is said in 16-bit samples. It cannot be interrupted."""
    decoder.reinit_feat()  # forgets how noisy the piece before was: whoever hears this one, it is the same
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    segments = list(decoder.seg() or ())
    words = [each for each in segments if not each.word.startswith(("<", "[", "+"))]  # others are silence and noise
    if found is None or not words:
        return Heard()
    sure = sum(min(each.prob, 1.0) * (each.end_frame + 1 - each.start_frame) for each in words)
    return Heard(
        found.hypstr,
        words[0].start_frame / FRAMES,
        (words[-1].end_frame + 1) / FRAMES,
        len(words),
        sure / max(segments[-1].end_frame + 1, 1),
    )


def serve(pieces: IO[bytes], answers: IO[bytes], rate: int) -> None:
    """Hear what comes until nothing more does."""
    decoder = make_decoder(rate)
    while len(header := pieces.read(HEADER.size)) == HEADER.size:
        (num_bytes,) = HEADER.unpack(header)
        answers.write(json.dumps(asdict(hear(decoder, pieces.read(num_bytes)))).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    ignore_interrupts()
    end_with_parent()
    with suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
