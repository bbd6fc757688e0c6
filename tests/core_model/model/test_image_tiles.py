"""Tiles of a picture: the reference vectors bit for bit, the resize against its arithmetic written out, the layout."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from core_model.canvas import choose_canvas
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.types import Picture, TileGeometry

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT.parent / "shared" / "data" / "golden" / "image_preprocessing.safetensors"

LLAMA4 = TileGeometry(tile_size=336, max_tiles=16, tokens_per_tile=144)
SMALL = TileGeometry(tile_size=28, max_tiles=4, tokens_per_tile=4)

Bytes = npt.NDArray[np.uint8]


def noise(height: int, width: int, seed: int = 0) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


# ---- a slow twin of the whole preprocessing, in plain integers ------------------------------------------------------


def weights(num_in: int, num_out: int) -> tuple[list[tuple[int, npt.NDArray[np.int64]]], int]:
    """Antialiased bilinear weights in fixed point: first input and weights of each output, and the shift.

    The triangle filter of Pillow's Resample.c, in the 16 bits to which torch rounds it (UpSampleKernel.cpp).
    """
    scale = num_in / num_out
    support, steepness = max(scale, 1.0), min(1.0, 1.0 / scale)
    rows = []
    for i in range(num_out):
        centre = scale * (i + 0.5)
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), num_in)
        row = [max(0.0, 1.0 - abs((j - centre + 0.5) * steepness)) for j in range(first, last)]
        rows.append((first, [weight / sum(row) for weight in row]))
    greatest = max(max(row) for _, row in rows)
    shift = next(s for s in range(23) if s == 22 or int(0.5 + greatest * (1 << (s + 1))) >= 1 << 15)
    return [(first, np.array([int(w * (1 << shift) + 0.5) for w in row], np.int64)) for first, row in rows], shift


def resize_rows(pixels: Bytes, num_out: int) -> Bytes:
    if num_out == pixels.shape[0]:
        return pixels
    rows, shift = weights(pixels.shape[0], num_out)
    sums = [np.tensordot(w, pixels[first : first + len(w)].astype(np.int64), (0, 0)) for first, w in rows]
    return ((np.stack(sums) + (1 << (shift - 1))) >> shift).clip(0, 255).astype(np.uint8)


def resize(pixels: Bytes, height: int, width: int) -> Bytes:
    """Along the width first, rounded to bytes, then along the height."""
    narrowed = resize_rows(pixels.swapaxes(0, 1), width).swapaxes(0, 1)
    return resize_rows(narrowed, height)


def slow_tiles(pixels: Bytes, geometry: TileGeometry) -> Bytes:
    """[N, 3, S, S], tile by tile."""
    side, canvas = geometry.tile_size, choose_canvas(pixels.shape[0], pixels.shape[1], geometry)
    whole = np.zeros((canvas.rows * side, canvas.cols * side, 3), np.uint8)
    content = resize(pixels, canvas.content_height, canvas.content_width)
    whole[: canvas.content_height, : canvas.content_width] = content
    tiles = [
        whole[row * side : (row + 1) * side, col * side : (col + 1) * side]
        for row in range(canvas.rows)
        for col in range(canvas.cols)
    ]
    if canvas.has_global_view:
        tiles.append(resize(pixels, side, side))
    return np.stack(tiles).transpose(0, 3, 1, 2)


def bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Rounded to the nearest bfloat16, ties to even, by the bits."""
    bits = values.astype(np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32)


# ---- against the reference ------------------------------------------------------------------------------------------


@pytest.mark.skipif(not GOLDEN.exists(), reason="reference data is not there")
@pytest.mark.parametrize("name", ["a", "b"])
def test_equal_to_the_reference_in_every_bit(name: str) -> None:
    from safetensors.torch import load_file

    golden = load_file(GOLDEN)
    tiles = picture_tiles(Picture(golden[f"{name}_img"].numpy()), LLAMA4)
    found = normalize_tiles(tiles, torch.bfloat16)
    assert torch.equal(found.view(torch.int16), golden[f"{name}_px"].view(torch.int16))


def some_sizes() -> list[tuple[int, int]]:
    rng = random.Random(0)
    edges = [1, 2, 3, 27, 28, 29, 55, 56, 57, 84, 112, 113]
    chosen = [(rng.choice(edges), rng.choice(edges)) for _ in range(40)]
    return [*chosen, *((rng.randint(1, 300), rng.randint(1, 300)) for _ in range(20)), (3, 5000), (2000, 3)]


@pytest.mark.parametrize(("height", "width"), some_sizes())
def test_equal_to_the_arithmetic_written_out(height: int, width: int) -> None:
    pixels = noise(height, width, seed=height * 1000 + width)
    np.testing.assert_array_equal(picture_tiles(Picture(pixels), SMALL).numpy(), slow_tiles(pixels, SMALL))


def test_equal_at_full_size() -> None:
    pixels = noise(700, 1100)
    np.testing.assert_array_equal(picture_tiles(Picture(pixels), LLAMA4).numpy(), slow_tiles(pixels, LLAMA4))


def every_byte(*shape: int) -> torch.Tensor:
    return torch.arange(256, dtype=torch.uint8).repeat(math.prod(shape) // 256 + 1)[: math.prod(shape)].reshape(shape)


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 3, 17, 5), (2, 3, 336, 336)])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_every_byte_becomes_what_the_processor_makes_of_it(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tiles = every_byte(*shape)
    rescaled = bfloat16(tiles.numpy().astype(np.float32) * np.float32(1 / 255))
    expected = bfloat16(bfloat16(rescaled - np.float32(0.5)) / np.float32(0.5))
    found = normalize_tiles(tiles, dtype)
    assert found.dtype == dtype
    assert torch.equal(found, torch.from_numpy(expected).to(dtype))


def test_the_rounded_steps_are_not_exact_arithmetic() -> None:
    """Else the tests above could not tell the two apart."""
    exact = bfloat16(np.arange(256, dtype=np.float32) / np.float32(127.5) - 1)
    found = normalize_tiles(every_byte(1, 1, 16, 16), torch.float32).flatten().numpy()
    assert (found != exact).sum() == 128
    assert np.abs(found - exact).max() < 0.004
    assert found[[0, 255]].tolist() == [-1.0, 1.0]


# ---- layout ---------------------------------------------------------------------------------------------------------


def test_tiles_are_laid_out_row_by_row_with_black_below_and_right() -> None:
    pixels = np.full((40, 60, 3), 200, np.uint8)
    canvas = choose_canvas(40, 60, SMALL)
    tiles = picture_tiles(Picture(pixels), SMALL).numpy()
    assert tiles.shape == (canvas.num_tiles, 3, 28, 28)
    whole = tiles[:-1].reshape(canvas.rows, canvas.cols, 3, 28, 28).transpose(0, 3, 1, 4, 2)
    whole = whole.reshape(canvas.rows * 28, canvas.cols * 28, 3)
    assert (whole[: canvas.content_height, : canvas.content_width] == 200).all()
    assert (whole[canvas.content_height :] == 0).all()
    assert (whole[:, canvas.content_width :] == 0).all()
    assert canvas.content_height < canvas.rows * 28 or canvas.content_width < canvas.cols * 28


def test_the_global_view_is_last_and_squeezed() -> None:
    pixels = np.zeros((28, 112, 3), np.uint8)
    pixels[:, 56:] = 255
    tiles = picture_tiles(Picture(pixels), SMALL)
    assert tiles.shape[0] == 5
    assert [int(tile.float().mean().round()) for tile in tiles] == [0, 0, 255, 255, 128]
    assert tiles[-1, :, :, 20:].min() == 255


def test_one_tile_has_no_global_view() -> None:
    assert picture_tiles(Picture(noise(20, 28)), SMALL).shape == (1, 3, 28, 28)


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    pixels = noise(28, 28)
    np.testing.assert_array_equal(picture_tiles(Picture(pixels), SMALL)[0].permute(1, 2, 0).numpy(), pixels)


# ---- purity ---------------------------------------------------------------------------------------------------------


def test_the_picture_is_neither_changed_nor_shared_nor_complained_about() -> None:
    pixels = noise(28, 28)
    before, picture = pixels.copy(), Picture(pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tiles = picture_tiles(picture, SMALL)
    tiles.zero_()
    np.testing.assert_array_equal(picture.pixels, before)


@pytest.mark.parametrize(
    "view", [lambda a: a[::-1], lambda a: a[5:200, 7:300], lambda a: a.transpose(1, 0, 2), np.asfortranarray]
)
def test_the_memory_layout_does_not_matter(view: object) -> None:
    assert callable(view)
    pixels = view(noise(320, 410))
    expected = picture_tiles(Picture(np.ascontiguousarray(pixels)), SMALL)
    assert torch.equal(picture_tiles(Picture(pixels), SMALL), expected)


def test_the_number_of_threads_does_not_matter() -> None:
    picture, before = Picture(noise(1000, 1500)), torch.get_num_threads()
    try:
        results = []
        for num_threads in (1, 2, 5):
            torch.set_num_threads(num_threads)
            results.append(picture_tiles(picture, LLAMA4))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results)


def test_many_threads_at_once() -> None:
    pictures = [Picture(noise(200 + 30 * i, 400, seed=i)) for i in range(12)]
    expected = [normalize_tiles(picture_tiles(picture, LLAMA4), torch.bfloat16) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda p: normalize_tiles(picture_tiles(p, LLAMA4), torch.bfloat16), pictures))
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_machine_without_wide_vectors_gives_the_same_bytes() -> None:
    """torch runs another kernel there."""
    program = (
        "import sys, numpy as np\n"
        "from core_model.model.image_tiles import picture_tiles\n"
        "from core_model.types import Picture, TileGeometry\n"
        "pixels = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(300, 410, 3).copy()\n"
        "tiles = picture_tiles(Picture(pixels), TileGeometry(28, 4, 4))\n"
        "sys.stdout.buffer.write(tiles.numpy().tobytes())\n"
    )
    pixels = noise(300, 410)
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    found = subprocess.run(
        [sys.executable, "-c", program],
        input=pixels.tobytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
        env=environment,
    ).stdout
    assert found == picture_tiles(Picture(pixels), SMALL).numpy().tobytes()


# ---- as a whole -----------------------------------------------------------------------------------------------------


def test_close_to_what_pillow_would_show() -> None:
    """A second opinion that shares no code: Pillow's own resize is within one step everywhere."""
    pixels = noise(480, 640)
    canvas = choose_canvas(480, 640, SMALL)
    size = (canvas.content_width, canvas.content_height)
    pillow = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR)).astype(int)
    tiles = picture_tiles(Picture(pixels), SMALL).numpy()[:-1]
    whole = tiles.reshape(canvas.rows, canvas.cols, 3, 28, 28).transpose(0, 3, 1, 4, 2)
    whole = whole.reshape(canvas.rows * 28, canvas.cols * 28, 3)
    assert np.abs(whole[: canvas.content_height, : canvas.content_width] - pillow).max() <= 1


def test_48_pictures() -> None:
    shapes = [(40 + 13 * i, 30 + 17 * (i % 7)) for i in range(48)]
    all_tiles = [picture_tiles(Picture(noise(*shape, seed=i)), SMALL) for i, shape in enumerate(shapes)]
    expected = [choose_canvas(*shape, SMALL).num_tiles for shape in shapes]
    assert [len(tiles) for tiles in all_tiles] == expected
    values = normalize_tiles(torch.cat(all_tiles), torch.bfloat16)
    assert values.shape == (sum(expected), 3, 28, 28)
    assert math.isclose(float(values.float().abs().max()), 1.0)
