"""Asks a young model what stands where: classes of every patch from the vision tower, of every picture token from the
decoder.

Answers teach little about a picture: a question has one word that matters. So the tower is asked for the colour and
kind of each patch, and the decoder, halfway up, for everything about the shape under each picture token: also its
size, its place in the whole picture, and which one it is in reading order. After that a question has only to find the
token that fits and read off what it holds. The heads are used in training only.

Shapes: N tiles, P patches or tokens of a tile, C features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.model.attention import Step
from core_model.model.llama4 import Llama4
from core_model.training.data.labels import NUM_CLASSES, SEEN_BY_TOWER

BACKGROUND_WEIGHT = 0.15
IGNORED = -100  # a label that is not learned


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What stands where in N tiles, as class ids; IGNORED where nothing is known."""

    patches: Tensor  # [N, patches, SEEN_BY_TOWER]
    tokens: Tensor  # [N, tokens of a tile, all classes]

    @classmethod
    def joined(cls, cells: Sequence[Cells]) -> Cells:
        return cls(torch.cat([some.patches for some in cells]), torch.cat([some.tokens for some in cells]))


class CellHead(nn.Module):
    """A linear reading of several classes from each patch or token."""

    def __init__(self, num_features: int, num_classes: Sequence[int]) -> None:
        super().__init__()
        self.num_classes = tuple(num_classes)
        self.linear = nn.Linear(num_features, sum(num_classes))

    def forward(self, cells: Tensor) -> tuple[Tensor, ...]:
        """[N, P, C] -> logits of each kind of class, [N, P, classes]."""
        logits: Tensor = self.linear(cells)
        return logits.split(self.num_classes, dim=-1)

    def loss(self, cells: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of all kinds of classes, background counted less: most of every picture is background.

        labels: [N, P, kinds of classes]; 0 where nothing is known at all.
        """
        is_known = labels[..., 0] != IGNORED
        if not is_known.any():
            return torch.zeros(())
        weights = torch.where(labels[..., 0] > 0, 1.0, BACKGROUND_WEIGHT) * is_known
        total = sum(
            F.cross_entropy(logits.flatten(0, 1), labels[..., which].flatten(), reduction="none", ignore_index=IGNORED)
            for which, logits in enumerate(self(cells))
        )
        return (total * weights.flatten()).sum() / weights.sum()


class CellHeads(nn.Module):
    """Both heads of a model."""

    def __init__(self, tower_size: int, decoder_size: int) -> None:
        super().__init__()
        self.tower = CellHead(tower_size, NUM_CLASSES[:SEEN_BY_TOWER])
        self.decoder = CellHead(decoder_size, NUM_CLASSES)

    @classmethod
    def for_model(cls, model: Llama4) -> CellHeads:
        assert model.config.vision is not None, "only a model that sees is asked what it sees"
        return cls(model.config.vision.hidden_size, model.config.text.hidden_size)

    def read(self, hidden: Tensor, is_patch: Tensor, labels: Tensor) -> Tensor:
        """The decoder's loss. [B, T, C], [B, T], [N, P, classes] -> []"""
        cells = F.rms_norm(hidden[is_patch].float(), hidden.shape[-1:])
        return self.decoder.loss(cells.view(*labels.shape[:2], -1), labels)


def first_half(model: Llama4) -> list[nn.Module]:
    """The layers after which the decoder is asked what it knows."""
    layers = list(model.language_model.model.layers)
    return layers[: len(layers) // 2]


@contextmanager
def halfway(model: Llama4) -> Iterator[list[Tensor]]:
    """Collect the hidden states in the middle of the decoder [B, T, C], one entry for each call in the block."""
    collected: list[Tensor] = []
    hook = first_half(model)[-1].register_forward_hook(lambda _module, _inputs, output: collected.append(output))
    try:
        yield collected
    finally:
        hook.remove()


def look(model: Llama4, x: Tensor) -> Tensor:
    """Run the first half of the decoder on embeddings. [B, T, C] -> [B, T, C]"""
    steps = [Step.at(model.config.text, 0, x.shape[1], x)]
    for layer in first_half(model):
        x = layer(x, steps, None)
    return x
