"""Llama 4 whole: vision tower, projector and text decoder, joined by early fusion.

Early fusion is one scatter: the text embeddings of all `<|patch|>` positions are replaced, in order, by projected
picture features; from there on a picture is ordinary tokens. The module tree carries the names of a Hugging Face
`Llama4ForConditionalGeneration` checkpoint. A text-only config builds the same tree without the vision parts.

Shapes: T tokens, V vocabulary, D hidden size, N tiles, S pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from core_model.config import Llama4Config
from core_model.errors import RequestError
from core_model.model.attention import no_check
from core_model.model.transformer import LanguageModel
from core_model.model.vision import VisionModel


class Projector(nn.Module):
    """One linear layer from the vision tower's output to the text's width."""

    def __init__(self, vision_dim: int, hidden_size: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(vision_dim, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_1(x)


class Llama4(nn.Module):
    """The model as arithmetic: it keeps no conversation; see `core_model.engine` for time and memory."""

    def __init__(self, config: Llama4Config) -> None:
        super().__init__()
        self.config = config
        if config.vision is not None:
            self.vision_model = VisionModel(config.vision)
            self.multi_modal_projector = Projector(config.vision.vision_output_dim, config.text.hidden_size)
        self.language_model = LanguageModel(config.text)

    @property
    def device(self) -> torch.device:
        """Where it is computed; the embeddings may lie elsewhere."""
        return self.language_model.model.norm.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.language_model.model.embed_tokens.weight.dtype

    @torch.inference_mode()
    def logits(self, token_ids: Sequence[int] | Tensor, pixel_values: Tensor | None = None) -> Tensor:
        """Next-token logits after every token of a prompt (full prefill, no cache).

        Args:
            token_ids: T token ids, with one `image_token_id` per picture feature.
            pixel_values: normalised tiles [N, 3, S, S] in prompt order, where the prompt has pictures.

        Returns:
            float32 [T, V].

        Raises:
            RequestError: there is not one prompt, or its patch tokens are not as many as the pictures' features.
        """
        ids = one_prompt(torch.as_tensor(token_ids, dtype=torch.long, device=self.device))
        features = None if pixel_values is None else self.image_features(pixel_values)
        hidden = self.language_model.model(self.embed(ids, features)[None])
        return self.head(hidden[0])

    def image_features(self, pixel_values: Tensor, check: Callable[[], None] = no_check) -> Tensor:
        """Features that take the place of patch tokens. [N, 3, S, S] -> [N * tokens_per_tile, D]

        Raises:
            RequestError: this model has no vision tower.
        """
        if self.config.vision is None:
            raise RequestError("This model sees no pictures", "The checkpoint holds a text model only.")
        features = self.vision_model(pixel_values.to(self.device, self.dtype), check)
        return self.multi_modal_projector(features).flatten(0, 1)

    def embed(self, token_ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Token embeddings with picture features scattered into the patch positions, in order. [T] -> [T, D]

        Raises:
            RequestError: there are not as many features as patch positions.
        """
        table = self.language_model.model.embed_tokens
        embedded: Tensor = table(token_ids.to(table.weight.device)).to(self.device)
        if features is None:
            return embedded
        is_patch = token_ids == self.config.image_token_id
        num_patches = int(is_patch.sum())
        if num_patches != len(features):
            raise RequestError(
                "Pictures and prompt do not match",
                f"The prompt has {num_patches} patch tokens, the pictures have {len(features)} features.",
            )
        return embedded.masked_scatter(is_patch.to(self.device)[..., None], features.to(embedded.dtype))

    def head(self, hidden: Tensor) -> Tensor:
        """Hidden states to float32 logits. [..., D] -> [..., V]"""
        logits: Tensor = self.language_model.lm_head(hidden)
        return logits.float()


def one_prompt(token_ids: Tensor) -> Tensor:
    """[T] or [1, T] -> [T]

    Raises:
        RequestError: it has another shape, or no tokens.
    """
    ids = token_ids[0] if token_ids.ndim == 2 and len(token_ids) == 1 else token_ids
    if ids.ndim != 1 or not len(ids):
        raise RequestError("Not one prompt", f"Token ids of shape {tuple(token_ids.shape)} were given, expected [T].")
    return ids
