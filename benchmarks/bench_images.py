"""From a photograph of 12 megapixels to what the vision tower reads, and 48 of them, beside plain Pillow.

    python benchmarks/bench_images.py [--rounds 9] [--pictures 48] [--threads 1]

Two ways to the same tiles, in turn. Ours: `media.convert` for a file, `picture_tiles` and `normalize_tiles` (bfloat16);
"window" goes through the processes that the window has files read by, several at a time, whose CPU time is not counted.
The floor: what a short script would do with Pillow and numpy, `Image.resize` with BILINEAR to the same two sizes and
float32 arithmetic, without safety, orientation, thumbnail or exactness; from memory it starts at a decoded Pillow
image, which spares it a copy. "array" starts from decoded pixels, "file" from a JPEG in the page cache. Medians over
the rounds, on the clock and as CPU time, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import print_result
from core_model.canvas import choose_canvas
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.types import Picture, TileGeometry
from media.convert import convert
from media.limits import files_at_once
from media.sandbox import Sandbox
from media.types import MediaItem

WIDTH, HEIGHT = 4032, 3024
Way = Callable[[int], object]  # so many pictures
LLAMA4 = TileGeometry(tile_size=336, max_tiles=16, tokens_per_tile=144)


def photograph() -> Image.Image:
    """Broad shapes and a camera's grain: about as hard to decode and as large on disk as a real one."""
    rng = np.random.default_rng(0)
    shapes = Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 6, (HEIGHT, WIDTH, 1))
    return Image.fromarray((np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8))


def ours_from_array(picture: Picture) -> torch.Tensor:
    return normalize_tiles(picture_tiles(picture, LLAMA4), torch.bfloat16)


def ours_from_file(path: Path) -> torch.Tensor:
    *_, item = convert(path)
    assert isinstance(item, MediaItem)
    (picture,) = item.parts
    assert isinstance(picture, Picture)
    return ours_from_array(picture)


def ours_from_window(sandbox: Sandbox, threads: ThreadPoolExecutor, path: Path, count: int) -> None:
    def read(_: int) -> Picture:
        *_, item = sandbox.convert(path)
        assert isinstance(item, MediaItem)
        (picture,) = item.parts
        assert isinstance(picture, Picture)
        return picture

    for picture in threads.map(read, range(count)):
        ours_from_array(picture)


def floor_from_image(image: Image.Image) -> npt.NDArray[np.float32]:
    side, canvas = LLAMA4.tile_size, choose_canvas(image.height, image.width, LLAMA4)
    whole = np.zeros((canvas.rows * side, canvas.cols * side, 3), np.uint8)
    content = image.resize((canvas.content_width, canvas.content_height), Image.Resampling.BILINEAR)
    whole[: canvas.content_height, : canvas.content_width] = np.asarray(content)
    local = whole.reshape(canvas.rows, side, canvas.cols, side, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, side, side)
    view = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)).transpose(2, 0, 1)[None]
    return np.concatenate([local, view]).astype(np.float32) / np.float32(127.5) - np.float32(1)


def floor_from_file(path: Path) -> npt.NDArray[np.float32]:
    with Image.open(path) as image:
        return floor_from_image(image.convert("RGB"))


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one way, medians over the rounds: on the clock, and of all cores together."""

    wall: float
    cpu: float


def times(run: Callable[[], object]) -> Way:
    """So many pictures, one after the other."""

    def repeat(count: int) -> None:
        for _ in range(count):
            run()

    return repeat


def measure(ours: Way, floor: Way, count: int, rounds: int) -> list[Timing]:
    """Both ways in turn, `count` pictures a round, after one picture to warm up."""
    walls: list[list[float]] = [[], []]
    cpus: list[list[float]] = [[], []]
    for run in (ours, floor):
        run(1)
    for _ in range(rounds):
        for run, wall, cpu in zip((ours, floor), walls, cpus, strict=True):
            began, cpu_began = time.perf_counter(), time.process_time()
            run(count)
            wall.append((time.perf_counter() - began) * 1e3)
            cpu.append((time.process_time() - cpu_began) * 1e3)
    return [Timing(statistics.median(wall), statistics.median(cpu)) for wall, cpu in zip(walls, cpus, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pictures", type=int, default=48, help="how many in the second half; those take 3 rounds")
    parser.add_argument("--threads", type=int, default=1, help="of torch; Pillow has one")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sandbox = Sandbox(remembers_bytes=0, num_processes=files_at_once())
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(files_at_once()) as threads:
        report(arguments, Path(folder) / "photograph.jpg", partial(ours_from_window, sandbox, threads))
    sandbox.close()


def report(arguments: argparse.Namespace, path: Path, window: Callable[[Path, int], object]) -> None:
    image = photograph()
    image.save(path, quality=90)
    picture = Picture(np.array(image))
    tiles = ours_from_array(picture)
    assert np.abs(tiles.float().numpy() - floor_from_image(image)).max() < 0.02, "the two ways show different pictures"
    from_file = times(lambda: floor_from_file(path))
    sources: dict[str, tuple[Way, Way]] = {
        "array": (times(lambda: ours_from_array(picture)), times(lambda: floor_from_image(image))),
        "file": (times(lambda: ours_from_file(path)), from_file),
        "window": (partial(window, path), from_file),
    }
    print(f"{WIDTH} x {HEIGHT} pixels, {len(tiles)} tiles, JPEG of {path.stat().st_size / 1e6:.1f} MB; milliseconds")
    print(f"{'':16}{'ours':>10}{'Pillow':>10}{'ratio':>8}{'CPU ours':>12}{'CPU Pillow':>13}{'ratio':>8}")
    results = {}
    for count, rounds in ((1, arguments.rounds), (arguments.pictures, 3)):
        for source, (ours, floor) in sources.items():
            mine, theirs = measure(ours, floor, count, rounds)
            results[f"{source}_{count}"] = show(f"{source}, {count}", mine, theirs)
    settings = {"width": WIDTH, "height": HEIGHT, "rounds": arguments.rounds, "pictures": arguments.pictures}
    print_result("images", threads=arguments.threads, settings=settings, results=results)


def show(name: str, ours: Timing, floor: Timing) -> dict[str, float]:
    ratio, cpu_ratio = ours.wall / floor.wall, ours.cpu / floor.cpu
    print(f"{name:16}{ours.wall:10.1f}{floor.wall:10.1f}{ratio:8.2f}{ours.cpu:12.1f}{floor.cpu:13.1f}{cpu_ratio:8.2f}")
    return {
        "ours_ms": round(ours.wall, 1),
        "pillow_ms": round(floor.wall, 1),
        "ratio": round(ratio, 3),
        "ours_cpu_ms": round(ours.cpu, 1),
        "pillow_cpu_ms": round(floor.cpu, 1),
        "cpu_ratio": round(cpu_ratio, 3),
    }


if __name__ == "__main__":
    main()
