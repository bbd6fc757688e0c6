"""The canvas of a picture: the documented candidates and examples, the Hugging Face results, and a slow twin."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core_model.canvas import Canvas, candidate_grids, choose_canvas, num_picture_tokens
from core_model.types import TileGeometry

LLAMA4 = TileGeometry(tile_size=336, max_tiles=16, tokens_per_tile=144)
SMALL = TileGeometry(tile_size=112, max_tiles=4, tokens_per_tile=16)

DOCUMENTED_ORDER = (
    "(1,16)(2,8)(1,4)(4,4)(3,3)(2,2)(1,1)(8,2)(4,1)(16,1)(1,15)(3,5)(5,3)(15,1)(1,14)(2,7)(7,2)(14,1)(1,13)(13,1)"
    "(1,12)(2,6)(1,3)(3,4)(4,3)(6,2)(3,1)(12,1)(1,11)(11,1)(1,10)(2,5)(5,2)(10,1)(1,9)(9,1)(1,8)(2,4)(1,2)(4,2)(2,1)"
    "(8,1)(1,7)(7,1)(1,6)(2,3)(3,2)(6,1)(1,5)(5,1)"
)


def test_candidates_are_the_documented_fifty_in_order() -> None:
    assert "".join(f"({rows},{cols})" for rows, cols in candidate_grids(16)) == DOCUMENTED_ORDER
    assert len(candidate_grids(16)) == 50


@pytest.mark.parametrize(
    ("height", "width", "canvas", "num_tiles", "num_tokens"),
    [
        (100, 100, Canvas(1, 1, 336, 336), 1, 147),
        (300, 200, Canvas(1, 1, 336, 224), 1, 147),
        (337, 337, Canvas(2, 2, 337, 337), 5, 727),
        (336, 672, Canvas(1, 2, 336, 672), 3, 437),
        (480, 640, Canvas(2, 2, 480, 640), 5, 727),
        (720, 1280, Canvas(3, 4, 720, 1280), 13, 1887),
        (1080, 1920, Canvas(3, 5, 945, 1680), 16, 2322),
        (1024, 1024, Canvas(4, 4, 1024, 1024), 17, 2467),
        (2160, 3840, Canvas(3, 5, 945, 1680), 16, 2322),
        (3024, 4032, Canvas(3, 4, 1008, 1344), 13, 1887),
        (3000, 100, Canvas(9, 1, 3000, 100), 10, 1452),
    ],
)
def test_examples(height: int, width: int, canvas: Canvas, num_tiles: int, num_tokens: int) -> None:
    chosen = choose_canvas(height, width, LLAMA4)
    assert chosen == canvas
    assert chosen.num_tiles == num_tiles
    assert chosen.has_global_view == (num_tiles > 1)
    assert num_picture_tokens(chosen, LLAMA4) == num_tokens


@pytest.mark.parametrize(
    ("height", "width", "tile_size", "max_tiles", "to_max", "expected"),
    [  # recorded from the functions of transformers 5.23.0
        (1, 1, 336, 16, False, (1, 1, 336, 336)),
        (1, 20000, 336, 16, False, (1, 16, 1, 5376)),
        (20000, 1, 336, 16, False, (16, 1, 5376, 1)),
        (336, 337, 336, 16, False, (1, 2, 336, 337)),
        (673, 336, 336, 16, False, (3, 1, 673, 336)),
        (5377, 336, 336, 16, False, (16, 1, 5376, 335)),
        (2000, 2001, 336, 16, False, (4, 4, 1343, 1344)),
        (667251, 10008766, 336, 16, False, (1, 15, 335, 5040)),  # (1, 16) if scales were compared in float64
        (1, 1, 336, 16, True, (4, 4, 1344, 1344)),
        (336, 337, 336, 16, True, (4, 4, 1340, 1344)),
        (673, 336, 336, 16, True, (5, 3, 1680, 838)),
        (50, 400, 336, 16, True, (1, 8, 336, 2688)),
        (7, 5, 336, 16, True, (5, 3, 1411, 1008)),
        (1345, 1345, 336, 16, True, (4, 4, 1344, 1344)),
        (336, 337, 112, 4, False, (2, 2, 223, 224)),
        (5377, 336, 112, 4, False, (4, 1, 448, 27)),
        (7, 5, 112, 4, True, (2, 2, 224, 160)),
        (1345, 1345, 112, 4, False, (2, 2, 224, 223)),
        (5377, 336, 336, 9, False, (9, 1, 3024, 188)),
        (2000, 2001, 336, 9, False, (3, 3, 1007, 1008)),
    ],
)
def test_agrees_with_hugging_face(
    height: int, width: int, tile_size: int, max_tiles: int, to_max: bool, expected: tuple[int, int, int, int]
) -> None:
    geometry = TileGeometry(tile_size, max_tiles, tokens_per_tile=144, resize_to_max_canvas=to_max)
    assert choose_canvas(height, width, geometry) == Canvas(*expected)


def slow_canvas(height: int, width: int, geometry: TileGeometry) -> tuple[int, int, int, int]:
    """The rules read aloud: one candidate after the other, in plain Python, quotients rounded to float32."""

    def quotient(a: int, b: int) -> float:
        return float(struct.unpack("f", struct.pack("f", a / b))[0])

    tile = geometry.tile_size
    scored = []
    for rows in range(1, geometry.max_tiles + 1):
        for cols in range(1, geometry.max_tiles // rows + 1):
            scale = min(quotient(rows * tile, height), quotient(cols * tile, width))
            scored.append((scale, rows * cols, rows, cols))
    growing = [entry for entry in scored if entry[0] >= 1]
    if not growing or geometry.resize_to_max_canvas:
        scale = max(entry[0] for entry in scored)
    else:
        scale = min(entry[0] for entry in growing)
    _, _, rows, cols = min(entry for entry in scored if entry[0] == scale)

    box_height, box_width = rows * tile, cols * tile
    if not geometry.resize_to_max_canvas:  # a side grows to one tile, or stays as long as it is
        box_height, box_width = min(box_height, max(height, tile)), min(box_width, max(width, tile))
    zoom = min(box_height / height, box_width / width)
    content_height = box_height if zoom == box_height / height else int(height * zoom)
    content_width = box_width if zoom == box_width / width else int(width * zoom)
    if box_height / height == box_width / width:  # floors apply to one side only: the width
        content_width = min(int(width * zoom), box_width)
    return rows, cols, max(1, min(content_height, box_height)), max(1, min(content_width, box_width))


sides = st.one_of(
    st.integers(1, 3000),
    st.integers(1, 100_000),
    st.builds(lambda tiles, off: tiles * 336 + off, st.integers(1, 17), st.integers(-1, 1)),
    st.builds(lambda tiles, off: tiles * 112 + off, st.integers(1, 5), st.integers(-1, 1)),
)
geometries = st.sampled_from(
    [LLAMA4, SMALL, TileGeometry(336, 16, 144, True), TileGeometry(112, 1, 16), TileGeometry(56, 7, 4, True)]
)


@settings(deadline=None)
@given(sides, sides, geometries)
@example(500, 500, LLAMA4)
@example(1, 99_999, SMALL)
def test_agrees_with_the_slow_twin(height: int, width: int, geometry: TileGeometry) -> None:
    canvas = choose_canvas(height, width, geometry)
    found = (canvas.rows, canvas.cols, canvas.content_height, canvas.content_width)
    assert found == slow_canvas(height, width, geometry)


@settings(deadline=None)
@given(sides, sides, geometries)
def test_the_content_lies_on_a_canvas_of_allowed_size(height: int, width: int, geometry: TileGeometry) -> None:
    canvas = choose_canvas(height, width, geometry)
    assert 1 <= canvas.num_local_tiles <= geometry.max_tiles
    assert 1 <= canvas.content_height <= canvas.rows * geometry.tile_size
    assert 1 <= canvas.content_width <= canvas.cols * geometry.tile_size
    assert canvas.num_tiles == (1 if canvas.num_local_tiles == 1 else canvas.num_local_tiles + 1)


def test_needs_no_torch() -> None:
    code = "import sys, core_model.canvas; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
