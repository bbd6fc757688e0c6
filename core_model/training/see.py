"""Stage one: the vision tower learns to see, alone. `python -m core_model.training.see RUN_FOLDER TOKENIZER_FOLDER`

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

from core_model.model.image_tiles import normalize_tiles
from core_model.model.vision import VisionModel
from core_model.text.tokenizer import load_tokenizer
from core_model.training import recipe
from core_model.training.batches import Encoder, shrunk
from core_model.training.data.dataset import reading_sample, shapes_sample
from core_model.training.data.scenes import NUM_COLOR_CLASSES, NUM_KIND_CLASSES
from core_model.training.initialization import initialize, look_at_neighbors, see_frequencies
from core_model.training.objective import CellHeads
from core_model.training.optimizers import Optimizers
from core_model.training.train import SIGHT, schedule, tile_geometry, vision_config

READING_SHARE = 0.3
WHOLE_SHARE = 0.25  # of pictures that are not shrunk: their local tiles show parts of things
EASIEST = 0.3  # of tiles, at the start, over which the difficulty rises
DECAY_SHARE = 0.2  # the learning rate falls over the last tiles
CHECK_TILES = 300


class TileStream(IterableDataset[tuple[Tensor, Tensor]]):
    """Tiles and their cell labels, picture by picture, endlessly; lives in a worker process."""

    def __init__(self, tokenizer_folder: Path, first_index: int, num_tiles: int, is_held_out: bool = False) -> None:
        self.arguments = tokenizer_folder, first_index, num_tiles, is_held_out

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        torch.set_num_threads(1)
        folder, index, num_tiles, is_held_out = self.arguments
        vision = vision_config()
        encoder = Encoder(load_tokenizer(folder), tile_geometry(vision), vision.patch_size)
        while True:
            rng = np.random.default_rng((recipe.SEED, 11 + is_held_out, index))
            difficulty = min(1.0, index / (EASIEST * num_tiles)) * float(rng.random()) if not is_held_out else 0.5
            draw = reading_sample if rng.random() < READING_SHARE else shapes_sample
            made = draw(rng, difficulty, "held_out" if is_held_out else "train")
            index += 1
            if made.turns:
                made = made if rng.random() < WHOLE_SHARE else shrunk(made, vision.image_size)
                tiles, cells = encoder.tiles_of(made), encoder.cells_of(made)
                if tiles is not None and cells is not None:
                    yield tiles, cells


def collect(stream: Iterator[tuple[Tensor, Tensor]], count: int) -> tuple[Tensor, Tensor]:
    """At least `count` tiles: pixel values [N, 3, S, S] and labels [N, P, 2]."""
    tiles: list[Tensor] = []
    cells: list[Tensor] = []
    while sum(len(some) for some in tiles) < count:
        some, labels = next(stream)
        tiles.append(some)
        cells.append(labels)
    return normalize_tiles(torch.cat(tiles), torch.float32), torch.cat(cells)


class Seeing:
    """The run of stage one."""

    def __init__(self, folder: Path, tokenizer_folder: Path, hyper: recipe.Hyperparameters) -> None:
        self.path, self.tokenizer_folder, self.hyper = folder / SIGHT, tokenizer_folder, hyper
        config = vision_config()
        self.vision = VisionModel(config)
        self.heads = CellHeads(config.hidden_size, NUM_COLOR_CLASSES, NUM_KIND_CLASSES)
        initialize(self.vision, config.num_hidden_layers, recipe.SEED)
        initialize(self.heads, 1, recipe.SEED)
        see_frequencies(self.vision)
        look_at_neighbors(self.vision)
        modules = {"vision": self.vision, "cell_heads": self.heads}
        self.optimizer = Optimizers(modules, hyper, left_out="vision_adapter")
        self.num_tiles, self.seconds = 0, 0.0
        self._resume()

    def _resume(self) -> None:
        if self.path.exists():
            state: dict[str, Any] = torch.load(self.path, weights_only=True)
            self.vision.load_state_dict(state["vision"])
            self.heads.load_state_dict(state["heads"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.num_tiles, self.seconds = state["num_tiles"], state["seconds"]

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "vision": self.vision.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "num_tiles": self.num_tiles,
            "seconds": self.seconds,
        }
        aside = self.path.with_suffix(".new")
        torch.save(state, aside)
        aside.replace(self.path)

    def run(self, num_threads: int) -> None:
        """Train until all tiles were seen."""
        total = self.hyper.tiles_to_see
        stream = TileStream(self.tokenizer_folder, self.num_tiles, total)
        batches = iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=64))
        held_out = collect(iter(TileStream(self.tokenizer_folder, 0, total, is_held_out=True)), CHECK_TILES)
        torch.set_num_threads(num_threads)
        saved = time.monotonic()
        while self.num_tiles < total:
            began = time.monotonic()
            pixels, labels = collect(batches, self.hyper.tiles_per_batch)
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
        self.heads.loss(self.vision.encode(pixels), labels).backward()
        self.optimizer.step(rate)

    @torch.no_grad()
    def _check(self, pixels: Tensor, labels: Tensor) -> str:
        """Share of patches of held-out tiles whose colour, shape or character is told right."""
        colors, kinds = self.heads(self.vision.encode(pixels))
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
    parser.add_argument("tokenizer", type=Path, help="folder with tokenizer.json")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    Seeing(arguments.folder, arguments.tokenizer, recipe.Hyperparameters()).run(arguments.threads)


if __name__ == "__main__":
    main()
