from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from core_model.weights.checkpoint import Checkpoint
from core_model.weights.name_map import Group
from core_model.weights.sizes import GroupSize, group_sizes
from tests.checkpoints import CheckpointShelf


def test_parts_of_a_maverick(checkpoint_shelf: CheckpointShelf, maps: Any) -> None:
    """Counted by hand: 64 wide, 4 layers of which 2 have 8 experts of size 96; dense ones are 160 wide."""
    folder = checkpoint_shelf.folder("maverick")
    checkpoint = Checkpoint.open(folder)
    sizes = group_sizes(checkpoint)
    assert sizes[Group.EMBEDDINGS].num_parameters == 300 * 64
    assert sizes[Group.HEAD].num_parameters == 300 * 64
    assert sizes[Group.ATTENTION].num_parameters == 4 * (2 * 64 * 64 + 2 * 64 * 32)
    assert sizes[Group.ROUTED_EXPERTS].num_parameters == 2 * 8 * 3 * 64 * 96
    assert sizes[Group.SHARED_EXPERTS].num_parameters == 2 * 3 * 64 * 96
    assert sizes[Group.DENSE].num_parameters == 2 * 3 * 64 * 160
    assert sizes[Group.OTHER].num_parameters == 2 * 8 * 64 + (2 * 4 + 1) * 64
    model = checkpoint_shelf.model("maverick")
    vision = sum(p.numel() for n, p in model.named_parameters() if not n.startswith("language_model"))
    assert sizes[Group.VISION].num_parameters == vision
    assert sum(size.num_parameters for size in sizes.values()) == sum(p.numel() for p in model.parameters())
    assert sum(size.stored_bytes for size in sizes.values()) == sum(map(checkpoint.num_bytes, checkpoint.names()))


def test_nothing_is_mapped(checkpoint_shelf: CheckpointShelf, maps: Any, tmp_path: Path) -> None:
    for file in checkpoint_shelf.folder("text_only").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert group_sizes(Checkpoint.open(tmp_path))[Group.VISION] == GroupSize()
    assert maps(tmp_path) == []


def test_fp8_counts_parameters_as_before_and_bytes_as_stored(
    fp8_checkpoint: tuple[Path, dict[str, torch.Tensor]], checkpoint_shelf: CheckpointShelf
) -> None:
    plain = group_sizes(Checkpoint.open(checkpoint_shelf.folder("maverick")))
    sizes = group_sizes(Checkpoint.open(fp8_checkpoint[0]))
    assert {group: size.num_parameters for group, size in sizes.items()} == {
        group: size.num_parameters for group, size in plain.items()
    }
    experts = sizes[Group.ROUTED_EXPERTS]
    assert experts.stored_bytes == experts.num_parameters + 2 * 8 * (96 + 96 + 64) * 2  # codes, and bf16 scales
    assert experts.bytes_as(torch.bfloat16) == 2 * experts.num_parameters
