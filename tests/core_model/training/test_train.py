"""The loop resumes where it was, the schedule does what it says, and the export opens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch

import core_model
from core_model.training import recipe, train
from core_model.training.batches import Encoder, batches, looks
from core_model.training.data.vocabulary import train_tokenizer, write_tokenizer
from core_model.training.export import export
from core_model.training.objective import Batch, Conversations
from core_model.training.pretrain_vision import TileStream, VisionPretraining, collect
from core_model.training.team import ALONE, Team
from core_model.training.train import (
    BatchStream,
    Stage,
    Trainer,
    load_tokenizer,
    schedule,
    tile_geometry,
    vision_config,
)

HYPER = recipe.Hyperparameters(pictures_per_batch=1, warmup_steps=4)


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, train_tokenizer(count=100))
    return folder


@pytest.fixture(scope="module")
def some_batches(tokenizer_folder: Path) -> list[Batch | Conversations]:
    vision = vision_config()
    encoder = Encoder(load_tokenizer(tokenizer_folder), tile_geometry(vision), vision.patch_size)
    stream: Iterator[tuple[int, Batch | Conversations]] = batches(encoder, 1, 0, 1000, 1)
    return [batch for _, batch in islice(stream, 3)]


def test_questions_and_pictures_to_look_at_alternate(tokenizer_folder: Path) -> None:
    stream = iter(BatchStream(tokenizer_folder, 5, HYPER, ALONE, Stage.EVERYTHING))
    (first, asked), (same, seen), (second, also_asked), (_, also_seen) = islice(stream, 4)
    assert first == same < second, "what is looked at does not move the run on"
    for batch in (asked, also_asked):
        assert isinstance(batch, Conversations) or batch.rows
    for batch in (seen, also_seen):
        assert isinstance(batch, Batch)
        assert not batch.rows
        assert batch.cells is not None


def test_members_of_a_team_look_at_different_pictures(tokenizer_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[int, int]] = []

    def remember(_encoder: Encoder, _seed: int, first_index: int, _pictures: int, stride: int) -> Iterator[object]:
        begun.append((first_index, stride))
        return iter(())

    monkeypatch.setattr(train, "looks", remember)
    for rank in range(3):
        iter(BatchStream(tokenizer_folder, 7, HYPER, Team(rank, 3), Stage.EVERYTHING))
    seen = [set(range(first, first + 300, stride)) for first, stride in begun]
    assert len(set.union(*seen)) == sum(map(len, seen)) == 300


def difference(one: Trainer, other: Trainer) -> float:
    """Mean absolute difference of all weights."""
    mine, theirs = (torch.cat([p.detach().flatten() for p in t.model.parameters()]) for t in (one, other))
    return float((mine - theirs).abs().mean())


def test_a_resumed_run_is_the_run_that_was_not_interrupted(
    tmp_path: Path, tokenizer_folder: Path, some_batches: list[Batch | Conversations]
) -> None:
    straight = Trainer(tmp_path / "straight", tokenizer_folder, HYPER)
    for batch in some_batches:
        straight.train_step(batch, 1.0)
    broken = Trainer(tmp_path / "broken", tokenizer_folder, HYPER)
    broken.train_step(some_batches[0], 1.0)
    broken.step, broken.next_index = 1, 17
    broken.save()
    resumed = Trainer(tmp_path / "broken", tokenizer_folder, HYPER)
    assert (resumed.step, resumed.next_index) == (1, 17)
    for batch in some_batches[1:]:
        resumed.train_step(batch, 1.0)
    moved = difference(straight, Trainer(tmp_path / "untrained", tokenizer_folder, HYPER))
    assert difference(straight, resumed) < 0.01 * moved  # not equal: MKL rounds by the alignment of memory


def test_the_export_opens_and_holds_the_run_in_bf16(tmp_path: Path, tokenizer_folder: Path) -> None:
    trainer = Trainer(tmp_path / "run", tokenizer_folder, HYPER)
    trainer.save()
    export(trainer.path, tokenizer_folder, tmp_path / "model")
    opened = core_model.load_model(tmp_path / "model")
    for (name, mine), theirs in zip(trainer.model.named_parameters(), opened.parameters(), strict=True):
        assert torch.equal(mine.bfloat16().float(), theirs), name
    assert opened.config.vision == trainer.model.config.vision
    assert opened.config.text.eos_token_ids
    size = sum(file.stat().st_size for file in (tmp_path / "model").iterdir())
    assert size < 64e6


def test_the_learning_rate_warms_up_holds_and_decays() -> None:
    rates = [schedule(step, 4, 0.01, 20, 10) for step in range(35)]
    assert rates[:4] == sorted(rates[:4])
    assert rates[3:20] == [1.0] * 17
    assert rates[20:31] == sorted(rates[20:31], reverse=True)
    assert rates[-1] == pytest.approx(0.01)
    assert schedule(10**6, 4, 0.01, None, 1) == 1.0


def test_stage_two_begins_with_the_tower_of_stage_one(tmp_path: Path, tokenizer_folder: Path) -> None:
    seeing = VisionPretraining(tmp_path, HYPER)
    seeing.next_index, pixels, labels = collect(iter(TileStream(0, 100)), 4)
    before = seeing.vision.patch_embedding.linear.weight.clone()
    seeing._step(pixels, labels)
    seeing.num_tiles = 4
    seeing.save()
    assert not torch.equal(before, seeing.vision.patch_embedding.linear.weight)
    again = VisionPretraining(tmp_path, HYPER)
    assert again.num_tiles == 4
    assert again.next_index == seeing.next_index > 0
    trainer = Trainer(tmp_path, tokenizer_folder, HYPER)
    for other in (again.vision, trainer.model.vision_model):
        for one, two in zip(seeing.vision.model.parameters(), other.model.parameters(), strict=True):
            assert torch.equal(one, two)


def test_a_run_can_begin_with_the_weights_of_a_model(tmp_path: Path, tokenizer_folder: Path) -> None:
    first = Trainer(tmp_path / "first", tokenizer_folder, HYPER)
    with torch.no_grad():
        first.model.language_model.lm_head.weight.mul_(2.0)
    first.save()
    export(first.path, tokenizer_folder, tmp_path / "model")
    second = Trainer(tmp_path / "second", tokenizer_folder, HYPER, tmp_path / "model")
    for one, two in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one.bfloat16().float(), two)
    assert all(parameter.requires_grad for parameter in second.model.parameters())


def test_muon_takes_hidden_matrices_and_adam_everything_else(tmp_path: Path, tokenizer_folder: Path) -> None:
    trainer = Trainer(tmp_path, tokenizer_folder, HYPER)
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    groups = [
        {names.get(id(p), "cell_heads") for group in optimizer.param_groups for p in group["params"]}
        for optimizer in (trainer.optimizer.muon, trainer.optimizer.adam)
    ]
    assert not groups[0] & groups[1]
    assert set(names.values()) <= groups[0] | groups[1]
    assert "vision_model.model.layers.0.self_attn.q_proj.weight" in groups[0]
    adam = ("lm_head.weight", "embed_tokens.weight", "gate_up_proj", "router.weight", "norm.weight", "bias")
    for name in names.values():
        if name.endswith(adam) and "shared" not in name:
            assert name in groups[1], name


def test_looking_leaves_the_second_half_and_the_words_alone(tmp_path: Path, tokenizer_folder: Path) -> None:
    trainer = Trainer(tmp_path, tokenizer_folder, HYPER, stage=Stage.LOOK)
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    vision = vision_config()
    encoder = Encoder(load_tokenizer(tokenizer_folder), tile_geometry(vision), vision.patch_size)
    for _, batch in islice(looks(encoder, 1, 0, 1), 2):
        trainer.train_step(batch, 1.0)
    moved = {name for name, p in trainer.model.named_parameters() if not torch.equal(before[name], p)}
    assert "vision_model.model.layers.0.self_attn.q_proj.weight" in moved
    assert "language_model.model.layers.3.self_attn.q_proj.weight" in moved
    assert not any(
        part in name for name in moved for part in ("language_model.model.layers.4", "lm_head", "embed_tokens")
    )
    assert set(trainer.averages.values) == {"patches", "tokens", "balance", "grad"}


def test_answering_leaves_what_sees_alone(
    tmp_path: Path, tokenizer_folder: Path, some_batches: list[Batch | Conversations]
) -> None:
    trainer = Trainer(tmp_path, tokenizer_folder, HYPER, stage=Stage.ANSWER)
    before = {name: p.clone() for name, p in trainer.model.named_parameters()}
    for batch in some_batches:
        trainer.train_step(batch, 1.0)
    moved = {name for name, p in trainer.model.named_parameters() if not torch.equal(before[name], p)}
    assert "language_model.lm_head.weight" in moved
    assert {name for name in moved if ".layers." in name} >= {"language_model.model.layers.4.self_attn.q_proj.weight"}
    seeing = ("vision_model", "multi_modal", "embed_tokens", *(f"language_model.model.layers.{n}." for n in range(4)))
    assert not any(part in name for name in moved for part in seeing)
