"""Several processes train one model: each reads batches of its own, and their gradients are averaged before each step.

Cria's layers are too small for threads: on two cores a step takes as long with two of them as with one (docs/LOG.md).
Two processes with one thread each see almost twice as many pictures. Every member takes the same optimiser step, so
weights stay equal without being sent. A member that wants to leave says so with its gradients, and all leave together;
when whoever started them is killed, they end as well.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn


@dataclass(frozen=True, slots=True)
class Team:
    """One member's view."""

    rank: int = 0
    size: int = 1
    leader: int = 0  # the process that started the team

    @property
    def is_first(self) -> bool:
        """Whether this member writes the log and the files."""
        return self.rank == 0

    def average(self, parameters: Sequence[Tensor], is_leaving: bool = False) -> bool:
        """Replace all gradients by their mean over the team; one that some lack counts as zero there.

        What nobody has a gradient of keeps none: a zero would still move it, by the momentum of earlier steps.

        Returns:
            Whether anybody is leaving after this step.
        """
        if self.size == 1:
            return is_leaving
        if os.getppid() != self.leader:
            raise SystemExit("the process that led this team is gone")
        has_gradient = torch.tensor([*(parameter.grad is not None for parameter in parameters), is_leaving]).float()
        dist.all_reduce(has_gradient)
        *somebody_has, leaving = (has_gradient > 0).tolist()
        learning = [parameter for parameter, has in zip(parameters, somebody_has, strict=True) if has]
        for parameter in learning:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        grads = [parameter.grad for parameter in learning if parameter.grad is not None]
        if grads:
            flat = torch.cat([grad.flatten() for grad in grads])
            dist.all_reduce(flat)
            flat /= self.size
            for grad, mean in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
                grad.copy_(mean.view_as(grad))
        return bool(leaving)


ALONE = Team()


def run_team(size: int, work: Callable[..., None], *arguments: Any) -> None:
    """Call `work(team, *arguments)` in `size` processes of this machine, or here when it is one."""
    if size == 1:
        work(Team(), *arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        spawn(_join, args=(size, Path(folder) / "meeting", work, arguments), nprocs=size)


def _join(rank: int, size: int, meeting: Path, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=meeting.as_uri(), rank=rank, world_size=size)
    try:
        work(Team(rank, size, os.getppid()), *arguments)
    finally:
        dist.destroy_process_group()
