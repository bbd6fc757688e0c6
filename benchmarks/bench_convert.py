"""How fast files are made: speech as multiples of real time, films in frames a second beside plain PyAV.

    python benchmarks/bench_convert.py [--rounds 3] [--seconds 8]

Speech: one text in three languages, from `make` to the finished file, and espeak-ng alone, which is its floor. Films: a
photograph with a slow pan, a recording with its waveform, and slides, by `make`; the floor is a short script that gives
PyAV as many frames of the same film, which are ready in memory, and sound of the same length, with the same encoder
settings. What a film costs above that is drawing: cutting out between pixels, waveform, captions. All in this process,
in turns; medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import print_result
from media.conversions.espeak import espeak
from media.conversions.film_writer import FORMATS
from media.conversions.make import make
from media.conversions.narration import all_sentences
from media.conversions.orders import Made, Order, Wishes
from media.conversions.pan import View
from media.conversions.script import read_blocks
from media.conversions.sound_writer import SoundWriter
from media.types import RgbArray, Spoken

TEXTS = {
    "en": "The quick brown fox jumps over the lazy dog, and nobody in the village knows why it does so every day. "
    * 20,
    "de": "Der schnelle braune Fuchs springt über den faulen Hund, und niemand im Dorf weiß, warum er das tut. " * 20,
    "hi": "तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर से कूदती है और गाँव में कोई नहीं जानता कि ऐसा क्यों है। " * 20,
}
SLIDES = "# A title\n\n" + "\n".join(f"- Point number {number} of the talk, in some words" for number in range(12))


def finished(order: Order) -> Made:
    *_, made = make(order, order.target.parent)
    assert isinstance(made, Made)
    return made


def timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def seconds_of(path: Path) -> float:
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base


def frames_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


def espeak_alone(language: str) -> None:
    espeak().choose(language, "", Wishes().words_per_minute)
    for sentence in all_sentences(read_blocks(TEXTS[language]), language):
        espeak().say(sentence.text, lambda: False)


def measure_speech(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    print(f"{'speech':14}{'seconds':>9}{'wav':>9}{'mp3':>9}{'espeak-ng':>11}   multiples of real time")
    results = {}
    for language in TEXTS:
        walls: dict[str, list[float]] = {"wav": [], "mp3": [], "alone": []}
        for _ in range(rounds + 1):
            for suffix in ("wav", "mp3"):
                order = Order(folder / f"speech.{suffix}", text=TEXTS[language], wishes=Wishes(language))
                walls[suffix].append(timed(lambda order=order: finished(order)))  # type: ignore[misc]
            walls["alone"].append(timed(lambda language=language: espeak_alone(language)))  # type: ignore[misc]
        length = seconds_of(folder / "speech.wav")
        rates = {name: round(length / statistics.median(wall[1:]), 1) for name, wall in walls.items()}
        print(f"{language:14}{length:9.1f}{rates['wav']:9.0f}{rates['mp3']:9.0f}{rates['alone']:11.0f}")
        results[language] = {"seconds": round(length, 1), **rates}
    return results


def photograph() -> RgbArray:
    """Broad shapes and a camera's grain."""
    random = np.random.default_rng(0)
    shapes = Image.fromarray(random.integers(0, 256, (27, 48, 3), np.uint8)).resize((1920, 1080), 3)
    return (np.asarray(shapes) + random.normal(0, 5, (1080, 1920, 1))).clip(0, 255).astype(np.uint8)


def plain_film(path: Path, frames: list[RgbArray], count: int, rate: int, seconds: float, sound_rate: int) -> None:
    """What a short script would do: the frames in turn, with sound of the same length where there is some."""
    found = FORMATS[path.suffix]
    with av.open(str(path), "w", format=found.muxer) as container:
        stream = container.add_stream(found.video, rate=rate, options=found.video_options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 2
        sound = container.add_stream(found.audio, rate=sound_rate, layout="mono") if sound_rate else None
        if sound is not None:
            noise = np.random.default_rng(0).normal(0, 0.1, (1, round(seconds * sound_rate))).astype(np.float32)
            whole = av.AudioFrame.from_ndarray(noise, "fltp", "mono")
            whole.sample_rate = sound_rate
            container.mux(sound.encode(whole))
            container.mux(sound.encode(None))
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(frames[number % len(frames)], "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def measure_films(folder: Path, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    pixels = photograph()
    Image.fromarray(pixels).save(folder / "photo.png", compress_level=1)
    random = np.random.default_rng(1)
    with SoundWriter(folder / "sound.wav", 48_000) as writer:
        writer.track.write(random.normal(0, 0.1, (1, round(seconds * 48_000))).astype(np.float32))
    heard = (Spoken(0.5, seconds - 0.5, "Nobody said this, and it is shown in two lines below the picture of it."),)
    view = View.of(pixels)
    panned = [view.at(number / 149) for number in range(150)]
    print(f"\n{'film':18}{'frames':>8}{'ours':>9}{'PyAV':>9}{'ratio':>8}   frames a second")
    results = {}
    for suffix in (".mp4", ".webm"):
        films = {
            "pan": (Order(folder / f"pan{suffix}", folder / "photo.png"), panned, 25, 0),
            "waveform": (Order(folder / f"wave{suffix}", folder / "sound.wav", heard=heard), None, 25, 48_000),
            "slides": (Order(folder / f"slides{suffix}", text=SLIDES), None, 10, 48_000),
        }
        for name, (order, ready, rate, sound_rate) in films.items():
            finished(order)
            count, length = frames_of(order.target), seconds_of(order.target)
            frames = ready or decoded(order.target)
            plain = folder / f"plain{suffix}"
            walls: tuple[list[float], list[float]] = [], []
            for _ in range(rounds):
                walls[0].append(timed(lambda order=order: finished(order)))  # type: ignore[misc]
                walls[1].append(timed(lambda: plain_film(plain, frames, count, rate, length, sound_rate)))  # noqa: B023
            ours, theirs = (count / statistics.median(wall) for wall in walls)
            print(f"{name + suffix:18}{count:8}{ours:9.0f}{theirs:9.0f}{ours / theirs:8.2f}")
            results[name + suffix] = {
                "ours": round(ours, 1),
                "pyav": round(theirs, 1),
                "ratio": round(ours / theirs, 3),
            }
    return results


def decoded(path: Path) -> list[RgbArray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)][:100]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of the recording that becomes a film")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        speech = measure_speech(Path(name), arguments.rounds)
        films = measure_films(Path(name), arguments.rounds, arguments.seconds)
    settings = {"rounds": arguments.rounds, "seconds": arguments.seconds}
    print_result("convert", threads=2, settings=settings, results={"speech": speech, "films": films})


if __name__ == "__main__":
    main()
