"""A vision tower that rests in RAM and visits the card: the same features, and nothing of it stays there."""

from __future__ import annotations

import torch

from core_model.model.visiting import let_visit
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.name_map import Group, group_of
from tests.checkpoints import CheckpointShelf

CUDA = torch.device("cuda")


def test_a_visiting_tower_sees_what_a_resident_one_sees(checkpoint_shelf: CheckpointShelf) -> None:
    checkpoint = Checkpoint.open(checkpoint_shelf.folder("scout"))
    resident = run_to_end(load_steps(checkpoint, CUDA, torch.bfloat16))
    assert resident is not None
    in_ram = {name for name, _ in resident.named_parameters() if group_of(name) is Group.VISION}
    visiting = run_to_end(load_steps(checkpoint, CUDA, torch.bfloat16, in_ram=in_ram))
    assert visiting is not None
    for part in (visiting.vision_model, visiting.multi_modal_projector):
        let_visit(part, visiting.device)
    before = torch.cuda.memory_allocated()
    size = visiting.vision_model.config.image_size
    pixels = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for _ in range(2):
            assert torch.equal(visiting.image_features(pixels), resident.image_features(pixels))
    tower_bytes = sum(p.nbytes for name, p in resident.named_parameters() if name in in_ram)
    assert torch.cuda.memory_allocated() - before < tower_bytes / 4
    assert all(p.device.type == "cpu" for name, p in visiting.named_parameters() if name in in_ram)
