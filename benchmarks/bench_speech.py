"""Recordings in: how fast speech is written down, and how well, beside plain pocketsphinx on the same file.

    python benchmarks/bench_speech.py [--rounds 3] [--minutes 1]

The recording is made here: five sentences again and again in two voices of flite's (apt-get install flite), with pauses
between them and a melody after each round of five, as FLAC. Plain pocketsphinx gets the same samples in one utterance
after the other as its own Endpointer cuts them, with its own settings. Both in turn; medians of the time on the clock,
as multiples of real time, and of CPU time, which other programs on the machine disturb less, as a share of the
recording's length; words wrong, missing or made up of all that were said. Ours listens with a process for each core.
Also what comes before: decoding and resampling, and the pictures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pocketsphinx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import print_result
from media.sound import SPEECH_RATE, Sound
from media.sound_picture import sound_picture
from media.sphinx import recognise
from media.stopping import never_stop
from media.utterances import pcm
from tests.recordings import SENTENCES, heard, melody, noise, spoken, word_errors, write_recording

VOICES = ("slt", "rms")


def recording(folder: Path, minutes: float) -> tuple[Path, str]:
    """The file, and what is said in it."""
    pieces: list[np.ndarray] = []
    said: list[str] = []
    while sum(map(len, pieces)) < minutes * 60 * SPEECH_RATE:
        voice = VOICES[len(said) // len(SENTENCES) % len(VOICES)]
        for sentence in SENTENCES:
            pieces += [spoken(sentence, folder, voice), noise(0.8, 0.001)]
            said.append(sentence)
        pieces += [melody(6.0), noise(0.8, 0.001)]
    return write_recording(folder / "speech.flac", np.concatenate(pieces)), " ".join(said)


def ours(sound: Sound) -> str:
    steps = recognise(sound, never_stop)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return " ".join(each.text for each in end.value.spoken)


def plain(sound: Sound) -> str:
    """As pocketsphinx's own example for files does it."""
    decoder = pocketsphinx.Decoder(samprate=SPEECH_RATE, loglevel="FATAL")
    endpointer = pocketsphinx.Endpointer(sample_rate=SPEECH_RATE)
    raw, found, was_in_speech = pcm(sound.samples), [], False
    for at in range(0, len(raw), endpointer.frame_bytes):
        frame = raw[at : at + endpointer.frame_bytes]
        is_last = at + endpointer.frame_bytes >= len(raw)
        speech = endpointer.end_stream(frame) if is_last else endpointer.process(frame)
        if speech is None:
            continue
        if not was_in_speech:
            decoder.start_utt()
        decoder.process_raw(speech)
        was_in_speech = endpointer.in_speech
        if not was_in_speech:
            decoder.end_utt()
            found.append(decoder.hyp().hypstr if decoder.hyp() else "")
    return " ".join(found)


def cpu_s() -> float:
    """Of this process, and of those that it started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def report(arguments: argparse.Namespace, folder: Path) -> None:
    path, said = recording(folder, arguments.minutes)
    sound = heard(path)
    ways = {"ours": ours, "plain": plain}
    times: dict[str, list[float]] = {name: [] for name in (*ways, "decode", "picture")}
    walls: dict[str, list[float]] = {name: [] for name in ways}
    errors: dict[str, float] = {}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            began, cpu_began = time.perf_counter(), cpu_s()
            written = way(sound)
            walls[name].append(time.perf_counter() - began)
            times[name].append(cpu_s() - cpu_began)
            errors[name] = word_errors(said, written) / len(said.split())
        times["decode"].append(seconds(lambda: heard(path)))
        times["picture"].append(seconds(lambda: sound_picture(sound.samples[: 15 * SPEECH_RATE], SPEECH_RATE)))
    medians = {name: statistics.median(each) for name, each in times.items()}
    rates = {name: sound.duration_s / statistics.median(each) for name, each in walls.items()}
    show(sound, medians, rates, errors)
    results = {f"{name}_cpu_per_second": round(medians[name] / sound.duration_s, 4) for name in (*ways, "decode")}
    results |= {f"{name}_times_real": round(rates[name], 1) for name in ways}
    results |= {f"{name}_word_errors": round(errors[name], 3) for name in ways}
    results["picture_cpu_ms"] = round(medians["picture"] * 1e3, 1)
    settings = {"seconds": round(sound.duration_s, 1), "rounds": arguments.rounds, "voices": VOICES}
    print_result("speech", threads=os.cpu_count() or 1, settings=settings, results=results)


def show(sound: Sound, medians: dict[str, float], rates: dict[str, float], errors: dict[str, float]) -> None:
    print(f"{sound.duration_s:.0f} s of speech and melody")
    print(f"{'':10}{'CPU s per s':>12}{'times real':>12}{'word errors':>13}")
    for name, error in errors.items():
        print(f"{name:10}{medians[name] / sound.duration_s:12.3f}{rates[name]:12.1f}{error:13.1%}")
    print(f"{'decode':10}{medians['decode'] / sound.duration_s:12.4f}{sound.duration_s / medians['decode']:12.0f}")
    print(f"picture of 15 s: {medians['picture'] * 1e3:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(arguments, Path(folder))


if __name__ == "__main__":
    main()
