"""Has pieces of speech heard, several at a time where there are cores for it, and gives what was heard in order.

Pieces do not depend on each other, so it makes no difference to the words. Short recordings are heard here: processes
that listen (`media.hearing`) take half a second to start. They are ended as soon as nobody wants to hear more, in the
middle of a piece if need be, so a stop need not wait for them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue

from media.hearing import HEADER, Heard, hear, make_decoder
from media.sound import SPEECH_RATE, FloatArray
from media.stopping import ShouldStop, check_stop
from media.utterances import Piece, pcm

MOST = 6  # each holds the model: some 130 MB
ALONE_S = 15.0  # of speech, which one hears about as quickly as several begin
LOOK_S = 0.02  # how often a wait looks for a stop
ROOT = Path(__file__).resolve().parents[1]


def num_listeners(pieces: Sequence[Piece]) -> int:
    """How many should listen to this."""
    speech_s = sum(end - begin for begin, end in pieces) / SPEECH_RATE
    return 1 if speech_s < ALONE_S else min(os.cpu_count() or 1, MOST, len(pieces))


def heard_pieces(samples: FloatArray, pieces: Sequence[Piece], should_stop: ShouldStop) -> Generator[Heard, None, None]:
    """What was heard in each piece, in order.

    Raises:
        Stopped: `should_stop` said so.
    """
    number = num_listeners(pieces)
    if number > 1:
        yield from _heard_by_several(samples, pieces, number, should_stop)
    elif pieces:
        decoder = make_decoder(SPEECH_RATE)
        for begin, end in pieces:
            check_stop(should_stop)
            yield hear(decoder, pcm(samples[begin:end]))


def _heard_by_several(
    samples: FloatArray, pieces: Sequence[Piece], number: int, should_stop: ShouldStop
) -> Generator[Heard, None, None]:
    with _Listeners(number) as listeners:
        futures = [listeners.hear_later(samples, piece) for piece in pieces]
        for future in futures:
            while not wait([future], LOOK_S).done:
                check_stop(should_stop)
            yield future.result()


class _Listeners:
    """The processes, and a thread for each that waits for its answers."""

    def __init__(self, number: int) -> None:
        self._processes = [_start() for _ in range(number)]
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="listener")

    def __enter__(self) -> _Listeners:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()  # those who wait for its answer hear of that
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            with process:  # closes the pipes, and waits
                pass

    def hear_later(self, samples: FloatArray, piece: Piece) -> Future[Heard]:
        return self._threads.submit(self._hear, samples, piece)

    def _hear(self, samples: FloatArray, piece: Piece) -> Heard:
        process = self._idle.get()
        try:
            return _asked(process, pcm(samples[slice(*piece)]))
        finally:
            self._idle.put(process)


def _start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-B", "-m", "media.hearing", str(SPEECH_RATE)]
    return subprocess.Popen(  # noqa: S603 - this program itself
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip


def _asked(process: subprocess.Popen[bytes], raw: bytes) -> Heard:
    """What a process heard.

    Raises:
        OSError, ValueError: it has ended.
    """
    assert process.stdin is not None, "pipes were asked for"
    assert process.stdout is not None, "pipes were asked for"
    process.stdin.write(HEADER.pack(len(raw)) + raw)
    process.stdin.flush()
    return Heard(**json.loads(process.stdout.readline()))
