"""How late a stop is heard by what reads and writes files, in the processes of their own that the window uses.

    python benchmarks/bench_stop_media.py [--stops 12]

Each kind of file is read by `media.sandbox` and each family of conversions is carried out by `media.conversions`, and
stopped at random moments; a stop counts until the generator has ended. A process that does not hear it in time is
ended, and `replaced` says how often. Every conversion is a new one: nothing is remembered. The peer is the same work
when nobody can stop it, as with a library's own call: how much of it would have been left at the same moments.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_convert import SLIDES, TEXTS
from benchmarks.bench_files import book
from benchmarks.bench_media import scenes
from benchmarks.bench_speech import recording
from benchmarks.bench_stop import Button
from benchmarks.common import print_result
from media.conversions.orders import Order, Wishes
from media.conversions.workshop import Workshop
from media.limits import DEFAULT_LIMITS
from media.sandbox import Sandbox
from media.stopping import ShouldStop, never_stop
from media.worker import Worker
from tests.clips import write_clip
from tests.recordings import heard

SECONDS = 60  # of the clip and the recording
Work = Callable[[ShouldStop], Iterator[object]]


def photograph(folder: Path) -> Path:
    """Twelve megapixels with a camera's grain."""
    chance = np.random.default_rng(0)
    shapes = Image.fromarray(chance.integers(0, 256, (27, 36, 3), np.uint8)).resize((4032, 3024), 3)
    grain = chance.normal(0, 6, (3024, 4032, 1))
    path = folder / "photograph.jpg"
    Image.fromarray((np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8)).save(path, quality=92)
    return path


def animation(folder: Path) -> Path:
    frames = [Image.fromarray(frame).resize((480, 270)) for frame in list(scenes(5))[::2]]
    path = folder / "animation.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=66)
    return path


def source_tree(folder: Path) -> Path:
    """A thousand source files in forty folders."""
    lines = "def something(value: int) -> int:\n    return value + 1\n\n\n" * 60
    for number in range(1000):
        path = folder / "tree" / f"part{number % 40}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines)
    return folder / "tree"


def table(folder: Path) -> Path:
    path = folder / "table.csv"
    path.write_text("name,number,words\n" + "".join(f"row {n},{n * 7},some words here\n" for n in range(60_000)))
    return path


def ways(folder: Path, sandbox: Sandbox, workshop: Workshop) -> Iterator[tuple[str, Worker, Work]]:
    """What is done, who does it, and how."""
    spoken, _ = recording(folder, SECONDS / 60)
    sound = heard(spoken)
    clip = write_clip(
        folder / "clip.mp4", scenes(SECONDS), rate=30, keyframe_every=30, sound=sound.samples, sound_rate=sound.rate
    )
    photo = photograph(folder)
    sources = [clip, spoken, photo, animation(folder), book(folder, 300), table(folder), source_tree(folder)]
    for source in sources:
        yield (
            f"read {source.name}",
            sandbox._workers[0],
            lambda stop, source=source: sandbox.convert(source, should_stop=stop),
        )  # type: ignore[misc]
    english = Wishes("en")
    orders = [
        Order(folder / "text.mp3", text=TEXTS["en"], wishes=english),
        Order(folder / "text.mp4", text=SLIDES, wishes=english),
        Order(folder / "text.png", text=SLIDES * 6, wishes=english),
        Order(folder / "photo.mp4", photo, words=SLIDES, wishes=english),
        Order(folder / "speech.txt", spoken),
        Order(folder / "speech.mp4", spoken),
        Order(folder / "speech.png", spoken),
        Order(folder / "clip.png", clip),
        Order(folder / "clip.opus", clip),
    ]
    for order in orders:
        name = f"{'text' if order.source is None else order.source.name} to {order.target.name}"
        yield name, workshop, lambda stop, order=order: workshop.make(order, should_stop=stop, may_replace=True)  # type: ignore[misc]


def measure(worker: Worker, work: Work, num_stops: int) -> dict[str, float]:
    """Stop it at random moments of the time that it takes; and how much was left."""
    worker.prepare()
    began = time.perf_counter()
    for _ in work(never_stop):
        pass
    whole_s, chance = time.perf_counter() - began, random.Random(0)
    late, left, num_replaced = [], [], 0
    for _ in range(num_stops):
        worker.prepare(DEFAULT_LIMITS)
        child, moment_s = worker._child, chance.uniform(0.0, 0.9) * whole_s
        button = Button(moment_s)
        for _ in work(button.is_pressed):
            pass
        if button.is_pressed():
            late.append(button.late_ms)
            left.append(1000 * (whole_s - moment_s))
            num_replaced += worker._child is not child
    return {
        "median_ms": statistics.median(late),
        "worst_ms": max(late),
        "replaced": num_replaced / len(late),
        "left_median_ms": statistics.median(left),
        "whole_ms": 1000 * whole_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=12)
    arguments = parser.parse_args()
    sandbox, workshop, results = Sandbox(remembers_bytes=0), Workshop(), {}
    print(f"{'':32}{'median':>8}{'worst':>8}{'replaced':>10}{'left':>8}{'whole':>8}   milliseconds")
    with tempfile.TemporaryDirectory() as name:
        for what, worker, work in ways(Path(name), sandbox, workshop):
            times = results[what] = measure(worker, work, arguments.stops)
            print(
                f"{what:32}{times['median_ms']:8.0f}{times['worst_ms']:8.0f}{times['replaced']:10.2f}"
                f"{times['left_median_ms']:8.0f}{times['whole_ms']:8.0f}",
                flush=True,
            )
    sandbox.close()
    workshop.close()
    worst = max(times["worst_ms"] for times in results.values())
    rounded = {what: {key: round(value, 2) for key, value in times.items()} for what, times in results.items()}
    print_result(
        "stop_media", threads=2, settings={"stops": arguments.stops}, results={**rounded, "worst_ms": round(worst, 1)}
    )


if __name__ == "__main__":
    main()
