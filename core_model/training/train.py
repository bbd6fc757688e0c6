"""The training loop: `python -m core_model.training.train RUN_FOLDER TOKENIZER_FOLDER --hours 3`.

Beside each process that trains, one makes batches (`--processes`: `core_model.training.team`). The run's whole state
(weights, optimiser, step, next sample) is saved every few minutes, written aside and then renamed, so a kill loses
minutes and the same command goes on. The learning rate warms up, holds, and decays only when asked (`--decay-steps`),
so training can stop when time or accuracy says so.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

import core_model
from core_model.config import Llama4Config, VisionConfig, parse_config
from core_model.model.llama4 import Llama4
from core_model.text.special_tokens import PATCH
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.training import recipe
from core_model.training.batched_experts import use_batched_experts
from core_model.training.batches import Encoder, batches, looks
from core_model.training.cell_heads import CellHeads, first_half
from core_model.training.half_precision import half_precision
from core_model.training.initialization import initialize, initialize_cria
from core_model.training.objective import Batch, Conversations, Losses, compute_losses
from core_model.training.optimizers import Optimizers
from core_model.training.team import ALONE, Team, run_team
from core_model.types import TileGeometry

State = dict[str, Any]

LOOKS_AHEAD = 4  # more samples are looked at than asked about: a resumed run begins where none was seen
SIGHT = "sight.pt"  # the vision tower of stage one, in the run's folder


class Stage(StrEnum):
    """What a run teaches."""

    LOOK = "look"  # the tower and the decoder's first half: from pictures alone, what stands where in them
    ANSWER = "answer"  # the second half alone, at half the price: what was asked, and to read it off the first
    EVERYTHING = "everything"  # all of it, and between two batches of questions one of pictures alone


class BatchStream(IterableDataset[tuple[int, Batch | Conversations]]):
    """Endless batches from a sample number on; lives in the worker process."""

    def __init__(
        self, tokenizer_folder: Path, next_index: int, hyper: recipe.Hyperparameters, team: Team, stage: Stage
    ) -> None:
        self.arguments = tokenizer_folder, next_index, hyper, team, stage

    def __iter__(self) -> Iterator[tuple[int, Batch | Conversations]]:
        torch.set_num_threads(1)
        folder, next_index, hyper, team, stage = self.arguments
        first_index, stride = next_index + team.rank, team.size
        vision = vision_config()
        encoder = Encoder(load_tokenizer(folder), tile_geometry(vision), vision.patch_size)
        if stage is Stage.LOOK:
            return looks(encoder, recipe.SEED, first_index, hyper.pictures_per_look, stride)
        asked = batches(encoder, recipe.SEED, first_index, hyper.curriculum_samples, hyper.pictures_per_batch, stride)
        if stage is Stage.ANSWER:
            return asked
        seen = looks(encoder, recipe.SEED + 1, LOOKS_AHEAD * next_index + team.rank, hyper.pictures_per_look, stride)
        return alternating(asked, seen)


def alternating(
    asked: Iterator[tuple[int, Batch | Conversations]], seen: Iterator[tuple[int, Batch]]
) -> Iterator[tuple[int, Batch | Conversations]]:
    """A batch of questions, a batch of pictures that are only looked at, and so on.

    What Cria gets wrong it mostly sees wrong, and looking costs a tenth of asking, for each picture.
    """
    for (index, batch), (_, pictures) in zip(asked, seen, strict=True):
        yield index, batch
        yield index, pictures


@dataclass(slots=True)
class Averages:
    """Running means of what the log shows."""

    values: dict[str, float] = field(default_factory=dict)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.values[name] = 0.98 * self.values.get(name, value) + 0.02 * value

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.4f}" for name, value in self.values.items())


def model_config(tokenizer: Tokenizer) -> Llama4Config:
    """Cria's config, with the token ids of its vocabulary."""
    data = {
        "model_type": "llama4",
        "text_config": recipe.TEXT_CONFIG,
        "vision_config": recipe.VISION_CONFIG,
        "image_token_index": tokenizer.special_id(PATCH),
    }
    return parse_config(data)


def vision_config() -> VisionConfig:
    """Cria's vision tower, which does not depend on the vocabulary."""
    data = {"model_type": "llama4", "text_config": recipe.TEXT_CONFIG, "vision_config": recipe.VISION_CONFIG}
    vision = parse_config(data).vision
    assert vision is not None
    return vision


def tile_geometry(vision: VisionConfig) -> TileGeometry:
    return TileGeometry(vision.image_size, recipe.MAX_TILES, vision.tokens_per_tile)


def schedule(step: int, warmup_steps: int, final_rate: float, decay_from: int | None, decay_steps: int) -> float:
    """The share of the peak learning rate: linear warm-up, hold, linear decay (Hu et al. 2024)."""
    rate = min(1.0, (step + 1) / warmup_steps)
    if decay_from is None or step < decay_from:
        return rate
    left = max(0.0, 1.0 - (step - decay_from) / decay_steps)
    return final_rate + (rate - final_rate) * left


class Trainer:
    """A run: model, optimiser, counters, and where they are kept."""

    def __init__(
        self,
        folder: Path,
        tokenizer_folder: Path,
        hyper: recipe.Hyperparameters,
        start: Path | None = None,
        team: Team = ALONE,
        stage: Stage = Stage.EVERYTHING,
    ) -> None:
        """Go on with the run in a folder, or begin one there: with the weights of the model folder `start`, or else
        with the vision tower of stage one, where there is one (`core_model.training.pretrain_vision`)."""
        self.folder, self.tokenizer_folder, self.hyper, self.team = folder, tokenizer_folder, hyper, team
        self.model = Llama4(model_config(load_tokenizer(tokenizer_folder)))
        self.heads = CellHeads.for_model(self.model)
        initialize_cria(self.model, recipe.SEED)
        use_batched_experts(self.model)
        initialize(self.heads, 1, recipe.SEED)
        self.optimizer = Optimizers({"model": self.model, "cell_heads": self.heads}, hyper)
        self.step, self.next_index, self.seconds = 0, 0, 0.0
        self.decay_from: int | None = None
        self.decay_steps = 0
        self.averages = Averages()
        if self.path.exists():
            self._resume()
        elif start is not None:
            self.model.load_state_dict(core_model.load_model(start).state_dict())
        elif (folder / SIGHT).exists():
            self._take_sight()
        self.stage = stage
        self._freeze()

    @property
    def path(self) -> Path:
        return self.folder / "state.pt"

    def _resume(self) -> None:
        state: State = torch.load(self.path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.next_index, self.seconds = state["step"], state["next_index"], state["seconds"]
        self.decay_from, self.decay_steps = state["decay_from"], state["decay_steps"]

    def _freeze(self) -> None:
        """Leave alone what this stage does not teach."""
        sees = [self.model.vision_model, self.model.multi_modal_projector, *first_half(self.model)]
        if self.stage is Stage.LOOK:
            self.model.requires_grad_(False)
            for module in sees:
                module.requires_grad_(True)
        if self.stage is Stage.ANSWER:
            for module in (*sees, self.model.language_model.model.embed_tokens, self.heads):
                module.requires_grad_(False)

    def _take_sight(self) -> None:
        state: State = torch.load(self.folder / SIGHT, weights_only=True)
        self.model.vision_model.load_state_dict(state["vision"], strict=False)
        self.heads.tower.load_state_dict(state["head"])

    def save(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        state: State = {
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "next_index": self.next_index,
            "seconds": self.seconds,
            "decay_from": self.decay_from,
            "decay_steps": self.decay_steps,
        }
        aside = self.path.with_suffix(".new")
        torch.save(state, aside)
        aside.replace(self.path)

    def run(self, hours: float, decay_steps: int) -> None:
        """Train until the hours of this call are over, or the decay is complete; a decay once begun goes on."""
        if decay_steps and self.decay_from is None:
            self.decay_from, self.decay_steps = self.step, decay_steps
        began = saved = time.monotonic()
        for index, batch in self._loader():
            before = time.monotonic()
            is_over = before - began > hours * 3600
            is_over |= self.decay_from is not None and self.step + 1 >= self.decay_from + self.decay_steps
            is_over = self.train_step(batch, self._rate(), is_over)
            self.step, self.next_index = self.step + 1, index
            self.seconds += time.monotonic() - before
            self.averages.add(step_s=time.monotonic() - before)
            if self.team.is_first and self.step % 25 == 0:
                self._log()
            if self.team.is_first and (is_over or time.monotonic() - saved > self.hyper.save_every_s):
                self.save()
                saved = time.monotonic()
            if is_over:
                return

    def _rate(self) -> float:
        hyper = self.hyper
        return schedule(self.step, hyper.warmup_steps, hyper.final_rate, self.decay_from, max(self.decay_steps, 1))

    def train_step(self, batch: Batch | Conversations, rate: float, is_last: bool = False) -> bool:
        """One update. Returns whether it is the last one, for this member of the team or for another."""
        with half_precision():
            losses = compute_losses(self.model, self.heads, batch)
        self._total(losses).backward()
        is_last = self.team.average(self.optimizer.parameters, is_last)
        norm = self.optimizer.step(rate)
        self._note(batch, losses)
        self.averages.add(balance=float(losses.balance.detach()), grad=norm)
        return is_last

    def _total(self, losses: Losses) -> Tensor:
        hyper = self.hyper
        total = losses.answer + hyper.balance_weight * losses.balance
        if self.stage is Stage.ANSWER:  # what is seen is taught no more
            return total
        return total + hyper.patch_weight * losses.patches + hyper.token_weight * losses.tokens

    def _note(self, batch: Batch | Conversations, losses: Losses) -> None:
        kind = "plain" if isinstance(batch, Conversations) else "text" if batch.tiles is None else "picture"
        cells = {"patches": float(losses.patches.detach()), "tokens": float(losses.tokens.detach())}
        answer = {kind: float(losses.answer.detach())} if losses.num_answer_tokens else {}
        self.averages.add(**answer, **(cells if cells["patches"] else {}))

    def _loader(self) -> Iterator[tuple[int, Batch | Conversations]]:
        stream = BatchStream(self.tokenizer_folder, self.next_index, self.hyper, self.team, self.stage)
        return iter(DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=8))

    def _log(self) -> None:
        line = f"step {self.step}  samples {self.next_index}  hours {self.seconds / 3600:.2f}  {self.averages}"
        print(line, flush=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"step": self.step, "samples": self.next_index, **self.averages.values}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the run is kept; an existing run goes on")
    parser.add_argument("tokenizer", type=Path, help="folder with tokenizer.json")
    parser.add_argument("--start", type=Path, help="a model folder whose weights a new run begins with")
    parser.add_argument("--first-sample", type=int, default=0, help="where a new run begins in the stream of samples")
    parser.add_argument("--stage", type=Stage, choices=list(Stage), default=Stage.EVERYTHING, help="what is taught")
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--decay-steps", type=int, default=0, help="end the run: decay over so many steps")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    run_team(arguments.processes, train, arguments)


def train(team: Team, arguments: argparse.Namespace) -> None:
    """What each member of the team does."""
    torch.set_num_threads(arguments.threads)
    trainer = Trainer(
        arguments.folder, arguments.tokenizer, recipe.Hyperparameters(), arguments.start, team, arguments.stage
    )
    trainer.next_index = max(trainer.next_index, arguments.first_sample)
    trainer.run(arguments.hours, arguments.decay_steps)


if __name__ == "__main__":
    main()
