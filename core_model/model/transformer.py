"""The text decoder: embeddings, layers, final norm and the head that turns hidden states into logits.

Module names follow the Hugging Face checkpoint, so a tensor's name says where it goes. The decoder computes one step
and keeps nothing: positions and caches are handed in.

Shapes: B batch, T tokens, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from core_model.config import TextConfig
from core_model.model.attention import Attention, LayerCache, Masks, Step, no_check, piece_by_piece
from core_model.model.layers import FeedForward, RMSNorm
from core_model.model.moe import MoE


class DecoderLayer(nn.Module):
    """Attention, then experts (or a dense feed-forward), each behind a norm and added to its input."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.feed_forward: MoE | FeedForward = (
            MoE(config) if config.is_moe_layer[layer] else FeedForward(config.hidden_size, config.intermediate_size_mlp)
        )
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: Tensor, steps: Sequence[Step], cache: LayerCache | None) -> Tensor:
        """Steps that follow each other, without a cache one only. [B, T, D] -> [B, T, D]"""
        x = piece_by_piece(lambda part, step: part + self.self_attn(self.input_layernorm(part), step, cache), x, steps)
        y = self.post_attention_layernorm(x)
        if isinstance(self.feed_forward, MoE):
            return x + self.feed_forward(y, steps)
        return x + piece_by_piece(lambda part, _: self.feed_forward(part), y, steps)


class Decoder(nn.Module):
    """Embeddings to final hidden states."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        # Not nn.Embedding(...): drawing its noise on the meta device imports torch's compiler, a second and 100 MB.
        table = torch.empty(config.vocab_size, config.hidden_size)
        self.embed_tokens = nn.Embedding.from_pretrained(table, freeze=False)
        self.layers = nn.ModuleList(DecoderLayer(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        x: Tensor,
        start: int = 0,
        caches: Sequence[LayerCache] | None = None,
        check: Callable[[], None] = no_check,
    ) -> Tensor:
        """Run one step, as `layer_by_layer` does it.

        Returns:
            Hidden states after the final norm [B, T, D].
        """
        return self.norm(deque(self.layer_by_layer(x, start, caches, check), maxlen=1).pop())

    def layer_by_layer(
        self,
        x: Tensor,
        start: int = 0,
        caches: Sequence[LayerCache] | None = None,
        check: Callable[[], None] = no_check,
        piece: int | None = None,
    ) -> Iterator[Tensor]:
        """Run one step and give the hidden states after each layer, before the final norm. [B, T, D] each

        Args:
            x: embeddings [B, T, D]; B is 1 with caches.
            start: position of the first token; 0 without caches.
            caches: one per layer; the step must then not cross an attention chunk boundary.
            check: called between layers, pieces and experts; may raise to abandon the step.
            piece: compute at most so many tokens at a time, but in the routed experts: there tokens are grouped by
                expert, and the more of them there are, the less often an expert's weights are read or fetched.
        """
        length = x.shape[1]
        assert caches is not None or start == 0, "without a cache a sequence starts at position 0"
        assert caches is not None or piece is None, "pieces see each other through the cache"
        assert caches is None or fits_chunk(self.config, start, length), "a step must not cross a chunk boundary"
        end, piece = start + length, piece or length
        masks = Masks()
        steps = [Step.at(self.config, at, min(piece, end - at), x, check, masks) for at in range(start, end, piece)]
        for number, layer in enumerate(self.layers):
            check()
            x = layer(x, steps, None if caches is None else caches[number])
            yield x


def fits_chunk(config: TextConfig, start: int, length: int) -> bool:
    """Whether `length` tokens from `start` on lie within one attention chunk."""
    size = config.attention_chunk_size if any(config.is_chunked_layer) else None
    return size is None or start // size == (start + length - 1) // size


class LanguageModel(nn.Module):
    """The decoder and its head (`Llama4ForCausalLM`)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        if config.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
