"""How a checkpoint wants pictures cut: the few fields of its image processor that may vary.

transformers 4 writes them as `preprocessor_config.json`; transformers 5 writes them as the `image_processor` object
inside `processor_config.json`, which wins where both are there, as in transformers. Everything about preprocessing
that this program has built in (normalisation, resampling) is compared and not obeyed: a checkpoint trained otherwise
would answer slightly wrong about every picture, so it is refused instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core_model.config import Json, Llama4Config, VisionConfig, read_json
from core_model.errors import CheckpointError
from core_model.types import TileGeometry

PROCESSOR = "processor_config.json"
IMAGE_PROCESSOR = "preprocessor_config.json"
DEFAULT_MAX_PATCHES = 16  # local tiles; transformers' default, and that of the released models
MAX_PATCHES = 256  # more would be a picture of some 25 megapixels, and a prompt of 37,000 tokens

BUILT_IN: Mapping[str, Any] = MappingProxyType(  # field: the only value that is understood
    {
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "rescale_factor": 1 / 255,
        "resample": 2,  # bilinear
        "do_rescale": True,
        "do_normalize": True,
        "do_resize": True,
    }
)


def tile_geometry(folder: Path, config: Llama4Config) -> TileGeometry | None:
    """The checkpoint's tile geometry; None when its model sees no pictures.

    Raises:
        CheckpointError: a file is unreadable, contradicts config.json, or wants pictures prepared in another way.
    """
    if config.vision is None:
        return None
    file, data = _read(folder)
    _check_built_in(file, data)
    _check_size(file, data.get("size"), config.vision)
    max_patches = data.get("max_patches", DEFAULT_MAX_PATCHES)
    if not isinstance(max_patches, int) or isinstance(max_patches, bool) or not 1 <= max_patches <= MAX_PATCHES:
        raise _bad(file, "max_patches", max_patches, f"a whole number from 1 to {MAX_PATCHES}")
    to_max_canvas = data.get("resize_to_max_canvas", False)
    if not isinstance(to_max_canvas, bool):
        raise _bad(file, "resize_to_max_canvas", to_max_canvas, "true or false")
    return TileGeometry(config.vision.image_size, max_patches, config.vision.tokens_per_tile, to_max_canvas)


def _read(folder: Path) -> tuple[str, Json]:
    """The image processor's settings and the file they are from; nothing where a checkpoint has none."""
    if (folder / PROCESSOR).exists():
        nested = read_json(folder / PROCESSOR).get("image_processor")
        if isinstance(nested, dict):
            return PROCESSOR, nested
    if (folder / IMAGE_PROCESSOR).exists():
        return IMAGE_PROCESSOR, read_json(folder / IMAGE_PROCESSOR)
    return IMAGE_PROCESSOR, {}


def _check_built_in(file: str, data: Json) -> None:
    for name, expected in BUILT_IN.items():
        value = data.get(name)
        if value is not None and not _is_same(value, expected):
            raise _bad(file, name, value, str(expected))


def _is_same(value: Any, expected: Any) -> bool:
    if isinstance(expected, float):  # 1/255 is written with more or fewer digits
        return isinstance(value, (int, float)) and abs(value - expected) < 1e-6 * expected
    return bool(value == expected)


def _check_size(file: str, size: Any, vision: VisionConfig) -> None:
    if size is None:
        return
    side = vision.image_size
    sides = (size.get("height"), size.get("width")) if isinstance(size, dict) else (size, size)
    if sides != (side, side):
        raise _bad(file, "size", size, f"{side} x {side}, as in config.json")


def _bad(file: str, name: str, value: object, expected: str) -> CheckpointError:
    return CheckpointError(
        "Model not supported",
        f"{file}: {name} is {str(value)[:80]!r}, expected {expected}.",
        "The file is damaged, or the model needs a newer version of Altiplano.",
    )
