"""Checkpoints shared by the tests of this room, and eyes for what is mapped."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.checkpoints import CheckpointShelf, checkpoint_shelf, rewrite_as_fp8

__all__ = ["checkpoint_shelf"]

Maps = Callable[[Path], list[tuple[range, str]]]


@pytest.fixture(scope="session")
def fp8_checkpoint(
    checkpoint_shelf: CheckpointShelf, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, torch.Tensor]]:
    """A Maverick-like checkpoint with FP8 routed and shared experts in two shards, and what its weights mean."""
    target = tmp_path_factory.mktemp("fp8") / "maverick"
    return target, rewrite_as_fp8(checkpoint_shelf.folder("maverick"), target, also="shared_expert", num_shards=2)


@pytest.fixture
def maps() -> Maps:
    """Mappings of this process from files under a folder: address range and permissions."""
    if sys.platform != "linux":
        pytest.skip("the kernel's list of mappings is read, which only Linux has")

    def read(folder: Path) -> list[tuple[range, str]]:
        found = []
        for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
            addresses, permissions, *_, path = line.split(maxsplit=5)
            if path.startswith(str(folder)):
                start, end = (int(address, 16) for address in addresses.split("-"))
                found.append((range(start, end), permissions))
        return found

    return read
