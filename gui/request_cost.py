"""What the next question costs in tokens, as the model that is open reads it: what was said so far, what is attached
and what is typed, with the marks around each message.

The model's own tokenizer counts, so the number is the one that an answer is refused with. Of a very long text the two
ends are counted and the rest is taken to be like them: the window cannot wait for all of a book. What was counted once
is remembered until another model is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core_model.errors import NotLoadedError
from core_model.types import Message, Part, Role, Text
from gui.model_controller import ModelController
from gui.token_cost import CHARACTERS_PER_TOKEN, picture_tokens, runs

END_CHARS = 20_000  # counted at each end of a long text: some 6 ms
MOST_REMEMBERED = 1_000  # texts
_MARKS = 3  # around a message: its header's two, and the end of the turn


class RequestCost:
    """See the module. On the window's thread only."""

    def __init__(self, model: ModelController) -> None:
        self._model = model
        self._counts: dict[tuple[int, int], int] = {}
        self._counted_for: object = None

    def of(self, messages: Iterable[Message]) -> int:
        """Tokens of the prompt that asks for an answer to these."""
        if self._counted_for is not self._model.state.info or len(self._counts) > MOST_REMEMBERED:
            self._counts, self._counted_for = {}, self._model.state.info
        begin, answer = 1, self._header(Role.ASSISTANT)
        return begin + sum(self._message(message) for message in messages) + answer

    def _message(self, message: Message) -> int:
        return self._header(message.role) + self._parts(message.parts) + 1

    def _header(self, role: Role) -> int:
        return _MARKS - 1 + self._text(role.value) + self._text("\n\n")

    def _parts(self, parts: Sequence[Part]) -> int:
        tiles = self._model.state.tiles
        total = 0
        for part in runs(parts):
            if isinstance(part, Text):
                total += self._text(part.text)
            elif tiles is not None:
                total += picture_tokens(part.height, part.width, tiles)
        return total

    def _text(self, text: str) -> int:
        key = len(text), hash(text)  # and not the text: each state of one that is being typed would be kept
        if key not in self._counts:
            self._counts[key] = self._count(text)
        return self._counts[key]

    def _count(self, text: str) -> int:
        ends = text if len(text) <= 2 * END_CHARS else text[:END_CHARS] + text[-END_CHARS:]
        try:
            num_tokens = self._model.count_tokens(ends)
        except NotLoadedError:  # it goes just now
            return round(len(text) / CHARACTERS_PER_TOKEN)
        return round(num_tokens * len(text) / max(len(ends), 1))
