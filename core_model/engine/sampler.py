"""From logits to the next token: greedy, or temperature and top-p with a seed.

Temperature 0 is greedy. The nucleus is found by looking at the most likely tokens only, more of them as needed, since
sorting a vocabulary of 200,000 for every token would cost more than a small model's whole step. Random numbers come
from a generator on the CPU, so a seed gives the same choice on every device that computes the same logits.

Top-p: Holtzman et al. 2020. Shapes: V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.errors import CheckpointError

COLDEST = 1e-4  # temperatures below are greedy: differences of logits would leave the range of float32
FIRST_LOOK = 256  # most likely tokens to look at first; nearly always more than the nucleus


class Sampler:
    """Picks tokens for one answer."""

    def __init__(self, temperature: float, top_p: float, seed: int | None = None) -> None:
        self.temperature = temperature
        self.top_p = top_p
        self._random = torch.Generator()
        if seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(seed % 2**63)

    def pick(self, logits: Tensor) -> int:
        """Choose the next token from float32 logits [V]."""
        if not torch.isfinite(logits).all():
            raise CheckpointError(
                "The model computes no numbers",
                "Its output is not finite: the weights are damaged, or out of the range of their number type.",
                "Download the model again.",
            )
        if self.temperature < COLDEST:
            return int(logits.argmax())
        probabilities = torch.softmax((logits - logits.max()) / self.temperature, dim=-1)
        if self.top_p >= 1.0:
            return int(torch.multinomial(probabilities.cpu(), 1, generator=self._random))
        likely, tokens = nucleus(probabilities, self.top_p)
        choice = torch.multinomial(likely.cpu(), 1, generator=self._random)
        return int(tokens[int(choice)])


def nucleus(probabilities: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """The smallest set of most likely tokens whose probabilities reach `top_p`; never empty.

    Args:
        probabilities: [V], sums to 1.
        top_p: above 0, at most 1; 1 keeps every token.

    Returns:
        Their probabilities and token ids, most likely first; the probabilities are not normalised again.
    """
    size = probabilities.shape[-1]
    num_looked = size if top_p >= 1.0 else min(FIRST_LOOK, size)
    while True:
        likely, tokens = probabilities.topk(num_looked)
        reached = likely.cumsum(-1)
        if num_looked == size or float(reached[-1]) >= top_p:
            break
        num_looked = min(num_looked * 8, size)
    num_kept = int((reached - likely < top_p).sum()) if top_p < 1.0 else num_looked
    return likely[:num_kept], tokens[:num_kept]
