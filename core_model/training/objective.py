"""What is minimised: next-token loss on answers, with two helpers for a young model.

Questions about one picture are independent of each other but share it, so a picture is read once and every
conversation about it is a row of a batch that sees the picture and itself: eight questions for little more than the
price of one, each trained as the first question it will be when somebody asks it. `SharedPrefix` is a `LayerCache`,
so the model code needs to know nothing of this. Long conversations, which cross attention chunks, take the plain path.

The helpers: what stands where in each tile, asked of the vision tower and of the decoder halfway up (`cell_heads`), and
a loss that keeps the experts evenly used.

Shapes: G pictures (groups), R rows, P prefix tokens, T row tokens, N tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.model.image_tiles import normalize_tiles
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.training.cell_heads import IGNORED, CellHeads, Cells, halfway, look


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Conversations of similar length, each about one group's picture, padded on the right."""

    token_ids: Tensor  # [R, T]
    labels: Tensor  # [R, T], the token that should come next; IGNORED where it is not learned: questions, padding
    group: Tensor  # [R], whose prefix each row continues


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Groups whose prefixes have one length, and their rows; without rows the pictures are only looked at."""

    prefix_ids: Tensor  # [G, P]
    rows: tuple[Rows, ...]
    tiles: Tensor | None  # uint8 [N, 3, S, S], of all groups in order
    cells: Cells | None  # what the tiles show


@dataclass(frozen=True, slots=True, eq=False)
class Conversations:
    """Whole conversations from their first token, padded on the right; pictures stand where they were sent."""

    token_ids: Tensor  # [R, T]
    labels: Tensor  # [R, T]
    tiles: Tensor | None
    cells: Cells | None


class SharedPrefix:
    """A layer's keys and values of the prefixes, which every row of a group sees before its own."""

    def __init__(self) -> None:
        self._keys: Tensor | None = None
        self._values: Tensor | None = None
        self.group: Tensor | None = None  # set before each set of rows

    def append(self, start: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        if self._keys is None or self._values is None:
            assert start == 0, "prefixes come first"
            self._keys, self._values = keys, values
            return keys, values
        assert self.group is not None, "rows belong to groups"
        return (
            torch.cat([self._keys[self.group], keys], dim=2),
            torch.cat([self._values[self.group], values], dim=2),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """One batch's losses; `num_answer_tokens` weighs `answer` in averages."""

    answer: Tensor
    patches: Tensor  # what the tower sees; 0 where nothing is known
    tokens: Tensor  # what the decoder's first half knows; 0 where nothing is known
    balance: Tensor
    num_answer_tokens: int


def compute_losses(model: Llama4, heads: CellHeads, batch: Batch | Conversations) -> Losses:
    """Run a batch forward."""
    with _router_logits(model) as router_logits:
        features, patches = _see(model, heads, batch)
        if isinstance(batch, Batch) and not batch.rows:
            states, answer, num_tokens = look(model, model.embed(batch.prefix_ids, features)), torch.zeros(()), 0
        else:
            states, answer, num_tokens = _read(model, batch, features)
        balance = torch.stack([imbalance(logits) for logits in router_logits]).mean()
    return Losses(answer, patches, _locate(model, heads, batch, states), balance, num_tokens)


def _read(model: Llama4, batch: Batch | Conversations, features: Tensor | None) -> tuple[Tensor, Tensor, int]:
    """The decoder's states halfway through the pictures, the loss of the answers, and of how many tokens it is."""
    with halfway(model) as states:
        if isinstance(batch, Batch):
            hidden, labels = _read_shared(model, batch, features)
        else:
            hidden, labels = _read_whole(model, batch, features)
    return states[0], F.cross_entropy(model.head(hidden), labels), len(labels)


def _see(model: Llama4, heads: CellHeads, batch: Batch | Conversations) -> tuple[Tensor | None, Tensor]:
    """Projected picture features, and the loss of the tower's head."""
    if batch.tiles is None:
        return None, torch.zeros(())
    patches = model.vision_model.encode(normalize_tiles(batch.tiles, torch.float32))
    features = model.multi_modal_projector(model.vision_model.vision_adapter(patches)).flatten(0, 1)
    return features, heads.tower.loss(patches, batch.cells.patches) if batch.cells else torch.zeros(())


def _locate(model: Llama4, heads: CellHeads, batch: Batch | Conversations, states: Tensor) -> Tensor:
    """The loss of the decoder's head on the states that hold the pictures."""
    if batch.cells is None:
        return torch.zeros(())
    ids = batch.prefix_ids if isinstance(batch, Batch) else batch.token_ids
    return heads.read(states, ids == model.config.image_token_id, batch.cells.tokens)


def _read_shared(model: Llama4, batch: Batch, features: Tensor | None) -> tuple[Tensor, Tensor]:
    """Hidden states and labels of all answer tokens of rows that share prefixes."""
    decoder = model.language_model.model
    caches = [SharedPrefix() for _ in decoder.layers]
    decoder(model.embed(batch.prefix_ids, features), 0, caches)
    hidden, labels = [], []
    for rows in batch.rows:
        for cache in caches:
            cache.group = rows.group
        states = decoder(model.embed(rows.token_ids), batch.prefix_ids.shape[1], caches)
        is_learned = rows.labels != IGNORED
        hidden.append(states[is_learned])
        labels.append(rows.labels[is_learned])
    return torch.cat(hidden), torch.cat(labels)


def _read_whole(model: Llama4, batch: Conversations, features: Tensor | None) -> tuple[Tensor, Tensor]:
    """The same for whole conversations, without a cache."""
    states = model.language_model.model(model.embed(batch.token_ids, features))
    is_learned = batch.labels != IGNORED
    return states[is_learned], batch.labels[is_learned]


@contextmanager
def _router_logits(model: Llama4) -> Iterator[list[Tensor]]:
    """Collect every router's output while the block runs."""
    collected: list[Tensor] = []
    hooks = [
        module.router.register_forward_hook(lambda _module, _inputs, output: collected.append(output))
        for module in model.modules()
        if isinstance(module, MoE)
    ]
    try:
        yield collected
    finally:
        for hook in hooks:
            hook.remove()


def imbalance(logits: Tensor) -> Tensor:
    """Switch Transformer's balance loss: E * sum of (share of tokens x mean probability); 1 when even. [N, E]"""
    num_experts = logits.shape[-1]
    share = F.one_hot(logits.argmax(-1), num_experts).float().mean(0)
    return num_experts * (share * logits.softmax(-1).mean(0)).sum()
