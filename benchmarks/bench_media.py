"""From a clip to the frames that the model sees, beside plain OpenCV and plain PyAV on the same clips.

    python benchmarks/bench_media.py [--rounds 5] [--seconds 60] [--keyframes 30,250]

The clips are made here: 720p at 30 frames a second, H.264, a new scene every five seconds that passes by behind a
camera's grain, with a keyframe every 30 or every 250 frames and no others. No sound: recognising speech takes a part
of its length that benchmarks/bench_speech.py measures.

Ours: `media.convert` in this process, and `media.sandbox`, which is how the window reads it. Theirs: as many frames,
at equal distances, at the size that ours have; OpenCV grabs each frame and retrieves those; PyAV decodes all with its
threads and converts those, or seeks to each. None of theirs looks for scenes or repeats. Ways take turns; medians.

What else the way of a file costs is measured beside this: photographs in `bench_images`, documents and the process of
its own in `bench_files`, speech in `bench_speech`, what is made in `bench_convert`, stops in `bench_stop_media`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import print_result
from media.convert import convert
from media.sandbox import Sandbox
from media.types import ConvertOptions, ConvertProgress, MediaItem
from tests.clips import write_clip

WIDTH, HEIGHT, RATE, SCENE_S = 1280, 720, 30, 5
SHOWN = (598, 336)
SILENT = ConvertOptions(with_speech=False)

Pixels = npt.NDArray[np.uint8]


def scenes(seconds: int) -> Iterator[Pixels]:
    """Broad shapes with grain, a little further to the left in each frame."""
    rng = np.random.default_rng(0)
    for number in range(seconds * RATE):
        if number % (SCENE_S * RATE) == 0:
            shapes = Image.fromarray(rng.integers(0, 256, (9, 16, 3), np.uint8))
            wide = np.asarray(shapes.resize((WIDTH + 3 * SCENE_S * RATE, HEIGHT), Image.Resampling.BICUBIC))
            grain = rng.integers(-8, 9, (*wide.shape[:2], 1))
            scene = (wide + grain).clip(0, 255).astype(np.uint8)
        left = 3 * (number % (SCENE_S * RATE))
        yield scene[:, left : left + WIDTH]


def item_of(events: Iterator[ConvertProgress | MediaItem]) -> MediaItem:
    *_, item = events
    assert isinstance(item, MediaItem)
    return item


def with_opencv(path: Path, count: int) -> list[Pixels]:
    capture = cv2.VideoCapture(str(path))
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = {int((each + 0.5) * total / count) for each in range(count)}
    frames = []
    for number in range(total):
        if not capture.grab():
            break
        if number in wanted:
            small = cv2.resize(capture.retrieve()[1], SHOWN, interpolation=cv2.INTER_AREA)
            frames.append(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
    return frames


def with_pyav(path: Path, count: int) -> list[Pixels]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        wanted = {int((each + 0.5) * stream.frames / count) for each in range(count)}
        return [
            frame.to_ndarray(format="rgb24", width=SHOWN[0], height=SHOWN[1])
            for number, frame in enumerate(container.decode(stream))
            if number in wanted
        ]


def with_pyav_seeking(path: Path, count: int) -> list[Pixels]:
    frames = []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for each in range(count):
            wanted = int((each + 0.5) * stream.duration / count)
            container.seek(wanted, stream=stream)
            found = next(frame for frame in container.decode(stream) if frame.pts + 1 >= wanted)
            frames.append(found.to_ndarray(format="rgb24", width=SHOWN[0], height=SHOWN[1]))
    return frames


def measure(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each way: all in turn, after one turn to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if number:
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def report(path: Path, rounds: int, sandbox: Sandbox) -> dict[str, float]:
    count = item_of(convert(path, options=SILENT)).num_pictures
    for plain in (with_opencv, with_pyav, with_pyav_seeking):
        assert len(plain(path, count)) == count, f"{plain.__name__} gives as many frames"
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: item_of(convert(path, options=SILENT)),
        "ours, in its process": lambda: item_of(sandbox.convert(path, options=SILENT)),
        "OpenCV": lambda: with_opencv(path, count),
        "PyAV": lambda: with_pyav(path, count),
        "PyAV, seeking": lambda: with_pyav_seeking(path, count),
    }
    taken = measure(ways, rounds)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {count} frames")
    for name, seconds in taken.items():
        print(f"  {name:22}{seconds:7.2f} s{seconds / taken['ours']:8.2f}")
    return {"frames": count} | {name: round(seconds, 3) for name, seconds in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keyframes", default="30,250", help="a keyframe every so many frames: a clip for each")
    arguments = parser.parse_args()
    sandbox, results = Sandbox(remembers_bytes=0), {}
    with tempfile.TemporaryDirectory() as folder:
        for every in map(int, arguments.keyframes.split(",")):
            path = Path(folder) / f"every-{every}.mp4"
            write_clip(path, scenes(arguments.seconds), rate=RATE, keyframe_every=every, colours=(1, 1))
            results[f"keyframe_every_{every}"] = report(path, arguments.rounds, sandbox)
    sandbox.close()
    settings = {"width": WIDTH, "height": HEIGHT, "seconds": arguments.seconds, "rounds": arguments.rounds}
    print_result("media clips", threads=0, settings=settings, results=results)


if __name__ == "__main__":
    main()
