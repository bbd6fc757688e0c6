"""Stage one: the vision tower learns to see, alone. `python -m core_model.training.pretrain_vision RUN_FOLDER`

Only the tower and the cell heads are trained, on single tiles: which colour and which shape or character stands in
each patch. That costs a hundredth of reading and answering, and a decoder that starts on top of a tower that sees
learns its answers several times faster (docs/LOG.md). Resumes after a kill, like stage two.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.vision import VisionModel
from core_model.training import recipe
from core_model.training.batches import picture_cells, shrink_labels, shrink_pixels
from core_model.training.cell_heads import CellHead
from core_model.training.data.labels import NUM_CLASSES, SEEN_BY_TOWER
from core_model.training.data.scenes import Drawing, draw, sample_scene
from core_model.training.half_precision import half_precision
from core_model.training.initialization import initialize, look_at_neighbors, see_frequencies
from core_model.training.optimizers import Optimizers
from core_model.training.train import SIGHT, schedule, tile_geometry, vision_config
from media.types import Picture

READING_SHARE = 0.3
WHOLE_SHARE = 0.25  # of pictures that are not shrunk: their local tiles show parts of things
EASIEST = 0.3  # of tiles, at the start, over which the difficulty rises
DECAY_SHARE = 0.4  # the learning rate falls over the last tiles
LONGEST_SIDE = 420  # of a picture, pixels: drawing larger ones takes longer than learning from them
TILES_PER_PICTURE = 1.7  # on average
CHECK_TILES = 800
HELD_OUT_DIFFICULTY = 0.5


class TileStream(IterableDataset[tuple[int, Tensor, Tensor]]):
    """The number of the next picture, tiles and their cell labels, endlessly; lives in a worker process."""

    def __init__(self, first_index: int, num_tiles: int, is_held_out: bool = False) -> None:
        self.arguments = first_index, num_tiles, is_held_out

    def __iter__(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        torch.set_num_threads(1)
        index, num_tiles, is_held_out = self.arguments
        vision = vision_config()
        geometry = tile_geometry(vision)
        while True:
            rng = np.random.default_rng((recipe.SEED, 11 + is_held_out, index))
            difficulty = min(1.0, TILES_PER_PICTURE * index / (EASIEST * num_tiles)) * float(rng.random())
            index += 1
            drawing = _draw(rng, HELD_OUT_DIFFICULTY if is_held_out else difficulty, is_held_out)
            if drawing is None:
                continue
            pixels, labels = drawing.pixels, drawing.labels
            if rng.random() >= WHOLE_SHARE:
                pixels, labels = shrink_pixels(pixels, vision.image_size), shrink_labels(labels, vision.image_size)
            picture = Picture(pixels)
            cells = picture_cells(picture, labels, geometry, vision.patch_size)
            yield index, picture_tiles(picture, geometry), cells.patches


def _draw(rng: np.random.Generator, difficulty: float, is_held_out: bool) -> Drawing | None:
    """A picture with its labels; none when the one made up would be too large to draw quickly."""
    has_print = bool(rng.random() < READING_SHARE)
    scene = sample_scene(rng, difficulty, "held_out" if is_held_out else "train", has_print)
    return draw(scene) if max(scene.width, scene.height) <= LONGEST_SIDE else None


def collect(stream: Iterator[tuple[int, Tensor, Tensor]], count: int) -> tuple[int, Tensor, Tensor]:
    """The next picture's number, and at least `count` tiles: pixel values [N, 3, S, S] and labels [N, P, 2]."""
    index, tiles, cells = 0, list[Tensor](), list[Tensor]()
    while sum(len(some) for some in tiles) < count:
        index, some, labels = next(stream)
        tiles.append(some)
        cells.append(labels)
    return index, normalize_tiles(torch.cat(tiles), torch.float32), torch.cat(cells)


class VisionPretraining:
    """The run of stage one."""

    def __init__(self, folder: Path, hyper: recipe.Hyperparameters) -> None:
        self.path, self.hyper = folder / SIGHT, hyper
        config = vision_config()
        self.vision = VisionModel(config)
        self.head = CellHead(config.hidden_size, NUM_CLASSES[:SEEN_BY_TOWER])
        initialize(self.vision, config.num_hidden_layers, recipe.SEED)
        initialize(self.head, 1, recipe.SEED)
        see_frequencies(self.vision)
        look_at_neighbors(self.vision)
        modules = {"vision": self.vision, "cell_heads": self.head}
        self.optimizer = Optimizers(modules, hyper, left_out="vision_adapter")
        self.num_tiles, self.next_index, self.seconds = 0, 0, 0.0
        self._resume()

    def _resume(self) -> None:
        if self.path.exists():
            state: dict[str, Any] = torch.load(self.path, weights_only=True)
            self.vision.load_state_dict(state["vision"])
            self.head.load_state_dict(state["head"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.num_tiles, self.next_index, self.seconds = state["num_tiles"], state["next_index"], state["seconds"]

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "vision": self.vision.state_dict(),
            "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "num_tiles": self.num_tiles,
            "next_index": self.next_index,
            "seconds": self.seconds,
        }
        aside = self.path.with_suffix(".new")
        torch.save(state, aside)
        aside.replace(self.path)

    def run(self, num_threads: int) -> None:
        """Train until all tiles were seen."""
        total = self.hyper.tiles_to_see
        stream = TileStream(self.next_index, total)
        batches = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=64))
        _, *held_out = collect(iter(TileStream(0, total, is_held_out=True)), CHECK_TILES)
        torch.set_num_threads(num_threads)
        saved = time.monotonic()
        while self.num_tiles < total:
            began = time.monotonic()
            self.next_index, pixels, labels = collect(batches, self.hyper.tiles_per_batch)
            self._step(pixels, labels)
            self.num_tiles += len(pixels)
            self.seconds += time.monotonic() - began
            if time.monotonic() - saved > self.hyper.save_every_s / 3 or self.num_tiles >= total:
                self.save()
                saved = time.monotonic()
                print(f"tiles {self.num_tiles}  hours {self.seconds / 3600:.2f}  {self._check(*held_out)}", flush=True)

    def _step(self, pixels: Tensor, labels: Tensor) -> None:
        size, total = self.hyper.tiles_per_batch, self.hyper.tiles_to_see
        decay_steps = int(DECAY_SHARE * total / size)
        step = self.num_tiles // size
        rate = schedule(step, self.hyper.warmup_steps, self.hyper.final_rate, total // size - decay_steps, decay_steps)
        with half_precision():
            loss = self.head.loss(self.vision.encode(pixels), labels)
        loss.backward()
        self.optimizer.step(rate)

    @torch.no_grad()
    def _check(self, pixels: Tensor, labels: Tensor) -> str:
        """Share of patches of held-out tiles whose colour, shape or character is told right."""
        colors, kinds = self.head(self.vision.encode(pixels))
        is_shape = (labels[..., 1] > 0) & (labels[..., 1] <= 10)
        is_character = labels[..., 1] > 10
        right = kinds.argmax(-1) == labels[..., 1]
        is_thing = labels[..., 0] > 0
        color = (colors.argmax(-1) == labels[..., 0])[is_thing].float().mean()
        shape, character = right[is_shape].float().mean(), right[is_character].float().mean()
        return f"color {color:.3f}  shape {shape:.3f}  character {character:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the run is kept; an existing run goes on")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    VisionPretraining(arguments.folder, recipe.Hyperparameters()).run(arguments.threads)


if __name__ == "__main__":
    main()
