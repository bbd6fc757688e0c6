"""A conversation as the token ids that Llama 4 reads, built token by token and never by parsing a rendered string.

    <|begin_of_text|>
    <|header_start|> role <|header_end|> "\\n\\n" content <|eot|>       for every message
    <|header_start|> assistant <|header_end|> "\\n\\n"                 and the model goes on from here

Text and control tokens meet only as ids, so text cannot forge a turn. As in Meta's `ChatFormat` (llama-models,
`models/llama4/chat_format.py`) the empty line after a header is encoded by itself; templates that encode a rendered
string differ from that where content begins with a line break. Neighbouring texts of a message are joined first: how
a text was cut into parts is not visible to the model. No system prompt and no date is added. The text of a tool's
result goes in as it is given; whoever calls tools decides whether it is JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from core_model.canvas import Canvas, choose_canvas
from core_model.errors import CheckpointError, RequestError
from core_model.text.special_tokens import (
    BEGIN_OF_TEXT,
    END_OF_TURN,
    HEADER_END,
    HEADER_START,
    IMAGE,
    IMAGE_END,
    IMAGE_START,
    NEEDED_FOR_PICTURES,
    PATCH,
    TILE_X_SEPARATOR,
    TILE_Y_SEPARATOR,
)
from core_model.text.tokenizer import Tokenizer
from core_model.types import MAX_PICTURES, Message, Part, Picture, Role, Text, TileGeometry


@dataclass(frozen=True, slots=True)
class PictureSpan:
    """Where a picture stands in a prompt: positions `start` to `end - 1`, from `<|image_start|>` to `<|image_end|>`.

    The patch tokens in this range are the picture's features in order: local tiles row by row, then the global view.
    """

    picture: Picture
    canvas: Canvas
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model reads: ids, and the pictures in the order in which their patch tokens occur."""

    token_ids: tuple[int, ...] = field(repr=False)
    pictures: tuple[PictureSpan, ...] = ()

    @property
    def num_tokens(self) -> int:
        return len(self.token_ids)


class ChatFormat:
    """The prompt format of one checkpoint. Immutable; any thread."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        tiles: TileGeometry | None,
        image_token_id: int | None = None,
        max_pictures: int = MAX_PICTURES,
    ) -> None:
        """Prepare the format.

        Args:
            tokenizer: the checkpoint's own.
            tiles: how the model cuts pictures; None for a model that sees none.
            image_token_id: the id that the model replaces with picture features, as its config says it, to be compared
                with the tokenizer's `<|patch|>`; None where there is no config to compare.
            max_pictures: the most pictures in one conversation.

        Raises:
            CheckpointError: the tokenizer lacks a special token, or it and the config disagree about `<|patch|>`.
        """
        self._tokenizer = tokenizer
        self._tiles = tiles
        self._max_pictures = max_pictures
        self._picture_ids = {name: tokenizer.special_id(name) for name in NEEDED_FOR_PICTURES} if tiles else {}
        if tiles and image_token_id not in (None, self._picture_ids[PATCH]):
            raise _disagreement(self._picture_ids[PATCH], image_token_id)
        self._begin_of_text, self._end_of_turn = map(tokenizer.special_id, (BEGIN_OF_TEXT, END_OF_TURN))
        self._headers = {role: self._header(role) for role in Role}

    def prompt(self, messages: Sequence[Message], continue_last: bool = False) -> Prompt:
        """The prompt that asks for an answer to a conversation.

        Args:
            messages: the turns so far, oldest first.
            continue_last: the last message is the assistant's own unfinished answer; the model goes on in it.

        Raises:
            RequestError: no message, pictures for a model that sees none, or too many pictures.
        """
        assert not continue_last or (messages and messages[-1].role is Role.ASSISTANT), "only an answer is continued"
        self._check(messages)
        draft = _Draft(self._begin_of_text)
        for message in messages:
            self._write_message(draft, message)
            draft.token_ids.append(self._end_of_turn)
        if continue_last:
            draft.token_ids.pop()
        else:
            draft.token_ids.extend(self._headers[Role.ASSISTANT])
        return Prompt(tuple(draft.token_ids), tuple(draft.pictures))

    def _check(self, messages: Sequence[Message]) -> None:
        if not messages:
            raise RequestError("Nothing to answer", "The conversation is empty.", "Write a message first.")
        num_pictures = sum(len(message.pictures) for message in messages)
        if num_pictures and self._tiles is None:
            raise RequestError(
                "This model sees no pictures",
                f"The conversation holds {_pictures(num_pictures)}, but the loaded model reads text only.",
                "Remove the pictures, or open a model with a vision tower.",
            )
        if num_pictures > self._max_pictures:
            raise RequestError(
                "Too many pictures",
                f"The conversation holds {_pictures(num_pictures)}; at most {self._max_pictures} are possible.",
                "Remove some, take fewer frames of a clip, or start a new conversation.",
            )

    def _header(self, role: Role) -> tuple[int, ...]:
        encode, special_id = self._tokenizer.encode, self._tokenizer.special_id
        return (special_id(HEADER_START), *encode(role.value), special_id(HEADER_END), *encode("\n\n"))

    def _write_message(self, draft: _Draft, message: Message) -> None:
        draft.token_ids.extend(self._headers[message.role])
        parts = _joined(message.parts)
        for part in _trimmed(parts) if message.role is Role.SYSTEM else parts:
            if isinstance(part, Text):
                draft.token_ids.extend(self._tokenizer.encode(part.text))
            else:
                self._write_picture(draft, part)

    def _write_picture(self, draft: _Draft, picture: Picture) -> None:
        assert self._tiles is not None, "checked before"
        canvas = choose_canvas(picture.height, picture.width, self._tiles)
        start = len(draft.token_ids)
        draft.token_ids.extend(self._picture_tokens(canvas, self._tiles.tokens_per_tile))
        draft.pictures.append(PictureSpan(picture, canvas, start, len(draft.token_ids)))

    def _picture_tokens(self, canvas: Canvas, tokens_per_tile: int) -> list[int]:
        """The tokens of one picture, as `_prompt_split_image` of transformers' `Llama4Processor` writes them."""
        ids = self._picture_ids
        tile = [ids[PATCH]] * tokens_per_tile
        row = [*([*tile, ids[TILE_X_SEPARATOR]] * (canvas.cols - 1)), *tile, ids[TILE_Y_SEPARATOR]]
        local = row * canvas.rows if canvas.has_global_view else []
        return [ids[IMAGE_START], *local, ids[IMAGE], *tile, ids[IMAGE_END]]


class _Draft:
    """A prompt while it grows."""

    def __init__(self, token_id: int) -> None:
        self.token_ids = [token_id]
        self.pictures: list[PictureSpan] = []


def _joined(parts: Iterable[Part]) -> list[Part]:
    """The same content with neighbouring texts made one."""
    joined: list[Part] = []
    for _, neighbours in groupby(parts, key=type):
        run = list(neighbours)
        texts = [part.text for part in run if isinstance(part, Text)]
        joined.extend([Text("".join(texts))] if texts else run)
    return joined


def _trimmed(parts: Sequence[Part]) -> list[Part]:
    """Without white space at both ends, as Llama 4's template has its system messages."""
    trimmed = list(parts)
    if trimmed and isinstance(first := trimmed[0], Text):
        trimmed[0] = Text(first.text.lstrip())
    if trimmed and isinstance(last := trimmed[-1], Text):
        trimmed[-1] = Text(last.text.rstrip())
    return trimmed


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def _disagreement(patch_id: int, image_token_id: int | None) -> CheckpointError:
    return CheckpointError(
        "Tokenizer does not fit the model",
        f"The tokenizer calls {PATCH} {patch_id}, config.json says image_token_index {image_token_id}.",
        "The folder mixes files of different models: download the model again.",
    )
