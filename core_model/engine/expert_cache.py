"""Which experts stay in fast memory: bookkeeping and policy alone, no weights and no clock but the count of tokens.

Every layer has slots of its own, since every token passes every layer, and what one layer needs says nothing about
another. Beside them some slots are spare: an expert is read into a spare one while those in use stay. Slots are all
alike, so an expert that is worth keeping just takes its slot over, and what it displaces becomes the spare one.

Worth is a frequency that fades (LRFU, Lee et al. 2001): each use adds one, and what was there is halved every
`half_life` tokens. A short half-life is least recently used, an endless one least frequently used. A newcomer that is
worth less than all that a layer keeps is used and let go, so a long prompt, which calls every expert once, does not
empty the cache; and no step, however long, fades more than one half-life or counts for more, for what reads a question
(a picture most of all) is not what writes the answer. The simulator (`benchmarks/sim_expert_cache.py`) runs this very
code; it chose the numbers (docs/decisions/0015-what-an-expert-is-worth.md).

Source: D. Lee et al., "LRFU: a spectrum of policies that subsumes the LRU and LFU policies", IEEE ToC 50(12), 2001.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

DEFAULT_HALF_LIFE = 32.0  # tokens; chosen by the simulator

Scores = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What happened since the last reset."""

    hits: int = 0
    misses: int = 0

    @property
    def hit_ratio(self) -> float:
        return self.hits / max(1, self.hits + self.misses)


@dataclass(slots=True)
class _Layer:
    """One layer's experts."""

    num_slots: int
    scores: Scores
    uses: Counts  # ever
    hits: Counts  # of each expert, since the last reset
    misses: Counts
    num_tokens: int = 0  # likewise
    slots: dict[int, int] = field(default_factory=dict)  # of the experts that are kept
    version: int = 0  # counts changes of `slots`

    def least(self) -> int:
        """The expert that is worth least of those that are kept."""
        return min(self.slots, key=lambda kept: (self.scores[kept], kept))


def divided(num_slots: int, layers: Iterable[int]) -> dict[int, int]:
    """Slots for each layer, as even as they go, the first layers one more."""
    order = sorted(layers)
    each, surplus = divmod(num_slots, len(order))
    return {layer: each + (number < surplus) for number, layer in enumerate(order)}


class ExpertCache:
    """Keeps the books. Whoever reads and computes asks it where an expert is, and where there is room."""

    def __init__(
        self, num_experts: int, slots: Mapping[int, int], num_spare: int, half_life: float = DEFAULT_HALF_LIFE
    ) -> None:
        """Begin with nothing kept.

        Args:
            num_experts: of each layer.
            slots: how many experts each layer may keep.
            num_spare: slots beside those; at least one.
            half_life: tokens after which a use counts half.
        """
        assert num_spare >= 1, "an expert must be read into something"
        self.num_experts = num_experts
        self.num_slots = sum(slots.values()) + num_spare
        self._half_life = half_life
        self._layers = {
            layer: _Layer(count, np.zeros(num_experts), self._none(), self._none(), self._none())
            for layer, count in slots.items()
        }
        self._free = list(range(self.num_slots))
        self.num_untouched = self.num_slots  # slots that nothing was ever put into: the first of those that are free

    def _none(self) -> Counts:
        return np.zeros(self.num_experts, np.int64)

    def find(self, layer: int, expert: int) -> int | None:
        """The slot of an expert that is kept."""
        return self._layers[layer].slots.get(expert)

    def take(self) -> int | None:
        """A slot to read into, if one is free. It is the caller's until it is given to `settle` or `give_back`."""
        return self._pop_free() if self._free else None

    def _pop_free(self) -> int:
        slot = self._free.pop()
        self.num_untouched = min(self.num_untouched, len(self._free))
        return slot

    def give_back(self, slot: int) -> None:
        """A slot is not needed any more."""
        self._free.append(slot)

    def settle(self, layer: int, expert: int, slot: int) -> bool:
        """An expert that was read and used has no more to do: keep it, or give its slot back. Whether it is kept.

        Experts that are in use must not lose their slots by this: settle when none of the layer is.
        """
        books = self._layers[layer]
        if expert in books.slots or not self.is_worth_a_slot(layer, expert):
            self.give_back(slot)
            return expert in books.slots
        if len(books.slots) == books.num_slots:
            self.give_back(books.slots.pop(books.least()))
        books.slots[expert] = slot
        books.version += 1
        return True

    def is_worth_a_slot(self, layer: int, expert: int) -> bool:
        """Whether an expert that is not kept would be, if it were here now."""
        books = self._layers[layer]
        if len(books.slots) < books.num_slots:
            return True
        return bool(books.slots) and bool(books.scores[books.least()] <= books.scores[expert])

    def note(self, layer: int, uses: Mapping[int, int], num_tokens: int) -> None:
        """A step of some tokens uses experts, so many rows each; counted before the experts are asked for."""
        books = self._layers[layer]
        books.num_tokens += num_tokens
        weight = min(num_tokens, self._half_life)  # tokens that the step counts as
        fading = 0.5 ** (weight / self._half_life)
        books.scores *= fading
        per_row = (1 - fading) / (num_tokens * (1 - 0.5 ** (1 / self._half_life)))  # as if they came one by one
        for expert, rows in uses.items():
            books.scores[expert] += rows * per_row
            books.uses[expert] += rows
            (books.hits if expert in books.slots else books.misses)[expert] += 1

    def seed(self, uses: Mapping[int, Counts]) -> None:
        """Begin as if tokens had called experts as often as these did, by layer, for a long time."""
        token_by_token = 1 / (1 - 0.5 ** (1 / self._half_life))  # what a layer's scores come to
        for layer, counts in uses.items():
            if layer in self._layers and counts.sum():
                self._layers[layer].scores += token_by_token * counts / counts.sum()

    def uses(self) -> dict[int, Counts]:
        """How many rows each expert of each layer was called for, since the beginning."""
        return {layer: books.uses for layer, books in self._layers.items()}

    @property
    def layers(self) -> frozenset[int]:
        """Those that have slots."""
        return frozenset(self._layers)

    @property
    def num_kept(self) -> int:
        """How many experts a layer may keep, at most."""
        return max(books.num_slots for books in self._layers.values())

    def shrink(self, num_slots: int, fewest: int) -> list[int]:
        """Give up so many slots for good, one by one where most may be kept, and return them.

        The spare ones stay, and each layer may go on keeping the `fewest`. Nothing may be on its way.
        """
        gone: list[int] = []
        while len(gone) < num_slots:
            books = max(self._layers.values(), key=lambda each: each.num_slots)
            if books.num_slots <= fewest:
                break
            books.num_slots -= 1
            books.version += 1
            is_full = len(books.slots) > books.num_slots
            gone.append(books.slots.pop(books.least()) if is_full else self._pop_free())
        return gone

    def clear(self) -> None:
        """Keep nothing, and forget what was worth it."""
        for books in self._layers.values():
            for slot in books.slots.values():
                self.give_back(slot)
            books.slots.clear()
            books.version += 1
            books.scores[:] = 0

    def kept(self, layer: int) -> Mapping[int, int]:
        """The experts of a layer that are kept, and their slots."""
        return self._layers[layer].slots

    def version(self, layer: int) -> int:
        """Another number whenever `kept` has changed."""
        return self._layers[layer].version

    def counts_of(self, layer: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """How often each expert of a layer was called and was there, and how often it was not."""
        books = self._layers[layer]
        return tuple(books.hits.tolist()), tuple(books.misses.tolist())

    def counts(self) -> CacheCounts:
        """Hits and misses of all layers."""
        layers = self._layers.values()
        return CacheCounts(sum(int(each.hits.sum()) for each in layers), sum(int(each.misses.sum()) for each in layers))

    @property
    def num_tokens(self) -> int:
        """How many tokens came by since the last reset."""
        return max(books.num_tokens for books in self._layers.values())

    def reset_counts(self) -> None:
        for books in self._layers.values():
            books.hits, books.misses, books.num_tokens = self._none(), self._none(), 0
