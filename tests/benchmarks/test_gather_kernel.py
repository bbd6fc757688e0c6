"""The copy that is a kernel, in Triton's interpreter: every number arrives, and nothing beside it is touched."""

from __future__ import annotations

import os
import random

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before the kernel is defined

pytest.importorskip("triton")

from benchmarks.gather_kernel import BLOCK, gather

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SIZES = [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17, *random.Random(0).choices(range(1, 5 * BLOCK), k=12)]


@pytest.mark.parametrize("count", SIZES)
def test_what_is_gathered_is_what_was_there(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    source = torch.randint(-(2**31), 2**31 - 1, (count,), generator=generator, dtype=torch.int64).int()
    around = torch.full((count + 2 * BLOCK,), 7, dtype=torch.int32, device=DEVICE)
    gather(source.pin_memory() if DEVICE == "cuda" else source, around[BLOCK : BLOCK + count])
    assert torch.equal(around[BLOCK : BLOCK + count].cpu(), source)
    assert (around[:BLOCK] == 7).all()
    assert (around[BLOCK + count :] == 7).all()


def test_an_expert_is_gathered_out_of_the_middle_of_an_arena() -> None:
    """As bytes in a slot, seen as numbers; FP8 codes that are NaN are bytes like any other."""
    arena = torch.randint(0, 256, (4, 3 * 4096), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    slot = torch.zeros(3 * 4096, dtype=torch.uint8, device=DEVICE)
    source = arena.pin_memory() if DEVICE == "cuda" else arena
    gather(source[2].view(torch.int32), slot.view(torch.int32))
    assert torch.equal(slot.cpu(), arena[2])
