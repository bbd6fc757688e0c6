"""What a command line may say of clips and recordings: which stretch, how many frames, and who hears speech.

The window says the same with its timeline and its settings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from media.conversions.times import parse_clock
from media.errors import MediaError

WHISPER_HELP = "weights of faster-whisper, for speech in any language; the recogniser in the box knows English"


def add_clip_options(group: argparse._ArgumentGroup) -> None:
    """Declare them."""
    group.add_argument("--start", type=clock, default=0.0, metavar="TIME", help='read from here on: "0:14"')
    group.add_argument("--end", type=clock, metavar="TIME", help="and as far as this")
    group.add_argument(
        "--frames", type=count, metavar="N", help="the most that the model sees of a clip; as many as it has room for"
    )
    group.add_argument("--whisper", type=Path, metavar="DIR", help=WHISPER_HELP)


def clock(text: str) -> float:
    """Seconds, for argparse."""
    try:
        return parse_clock(text)
    except MediaError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from error


def count(text: str) -> int:
    """One or more, for argparse."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 100_000_000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 on")
    return int(text)


def folder_name(folder: Path | None) -> str:
    """As conversions take a folder that may not be named."""
    return "" if folder is None else str(folder.absolute())
