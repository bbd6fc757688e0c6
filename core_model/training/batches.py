"""Conversations to batches: what the training loop eats, made in a worker process beside it.

Two kinds of batch. *Shared*: pictures (or nothing) as prefixes and each question a row of its own, sometimes a short
chain of questions; this is the cheap way to many answers. *Plain*: whole conversations with several turns and
pictures, joined until they cross attention chunks. Groups of one shared batch must have prefixes of one length, so
samples wait in a bucket by canvas until there are enough.

Everything follows from the seed and the sample's number; a resumed run goes on at a number and loses only what waited
in the buckets.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from core_model.canvas import Canvas, choose_canvas
from core_model.model.image_tiles import picture_tiles
from core_model.text.chat_format import ChatFormat, Prompt
from core_model.text.special_tokens import END_OF_TURN
from core_model.text.tokenizer import Tokenizer
from core_model.training.cell_heads import IGNORED, Cells
from core_model.training.data.dataset import Sample, sample
from core_model.training.data.labels import NUM_CLASSES, SEEN_BY_TOWER, Box, Classes, Labels
from core_model.training.data.quiz import Quiz
from core_model.training.objective import Batch, Conversations, Rows
from core_model.training.recipe import CHUNK_SIZE
from core_model.types import Message, Role, TileGeometry
from media.types import Picture, RgbArray, Text

PLAIN_SHARE = 0.08  # of samples that go into plain batches
PLAIN_TOKENS = 640  # a plain row is joined from samples until it has about as many
STANDS_ALONE = {"pair", "no_picture"}  # skills whose answers count or miss pictures: nothing may be joined to them
QUIZ = "Quiz."
CHAIN_SHARE = 0.1  # of rows that continue with the next question
SMALL_SHARE = (0.9, 0.4)  # of pictures that are shrunk to a single tile, at the start and the end of the curriculum
LOOK_SMALL_SHARE = 0.4  # the same where pictures are only looked at
TOKEN_SAMPLES = (6, 3)  # a picture token is looked at in 6 x 6 places, and shows what is met in three of them
CUTS = (0.5, 0.8)  # rows are sorted by length and cut here into sets, so that little padding is computed


@dataclass(frozen=True, slots=True)
class Encoded:
    """One row before padding."""

    token_ids: list[int]
    labels: list[int]


class Encoder:
    """Turns samples into token ids, labels and pixels with the model's own chat format."""

    def __init__(self, tokenizer: Tokenizer, tiles: TileGeometry, patch_size: int) -> None:
        self.tiles = tiles
        self.patch_size = patch_size
        self._tokenizer = tokenizer
        self._format = ChatFormat(tokenizer, tiles)
        self._end_of_turn = tokenizer.special_id(END_OF_TURN)
        self._num_opening_tokens = self._count_opening_tokens()

    def _count_opening_tokens(self) -> int:
        """Tokens before the first user's first word: what all conversations without a picture begin with."""
        empty = Message.of(Role.USER, "")
        one, two = (self._format.prompt([empty] * count).num_tokens for count in (1, 2))
        return two - one  # a header and the end of a turn, which is as much as the begin-of-text and a header

    def conversation(self, messages: Sequence[Message]) -> tuple[Encoded, Prompt]:
        """A conversation whose every answer is learned, its end-of-turn included."""
        labels: list[int] = []
        for number, message in enumerate(messages):
            if message.role is Role.ASSISTANT:
                asked = self._format.prompt(messages[:number]).num_tokens
                answered = self._format.prompt(messages[: number + 1], continue_last=True)
                labels += [IGNORED] * (asked - len(labels)) + list(answered.token_ids[asked:])
                labels.append(self._end_of_turn)
        whole = self._format.prompt(messages, continue_last=True)
        ids = [*whole.token_ids, self._end_of_turn]
        return Encoded(ids[:-1], labels[1:]), whole

    def shared(self, made: Sample, rng: np.random.Generator) -> tuple[list[int], list[Encoded]]:
        """A prefix that all rows begin with (the picture, if any), and one row for each question."""
        rows, prefix = [], None
        messages = made.messages()
        for first in range(0, len(messages), 2):
            if made.turns[first // 2].is_follow_up:  # "where is it?" means nothing as a first question
                continue
            picture = messages[0].pictures if first else ()
            opening = replace(messages[first], parts=(*picture, *messages[first].parts))
            chained = 2 * int(rng.integers(2, 4)) if rng.random() < CHAIN_SHARE else 2
            encoded, whole = self.conversation([opening, *messages[first + 1 : first + chained]])
            if whole.num_tokens > CHUNK_SIZE:  # rows must not cross an attention chunk: that is for plain batches
                encoded, whole = self.conversation([opening, messages[first + 1]])
            if whole.num_tokens > CHUNK_SIZE:
                continue
            end = whole.pictures[0].end if whole.pictures else self._num_opening_tokens
            prefix = encoded.token_ids[:end]
            rows.append(Encoded(encoded.token_ids[end:], encoded.labels[end:]))
        if prefix and len(messages[0].pictures) == 1:
            quizzes = (self.quiz(messages[0].pictures, items) for items in made.quizzes)
            rows += [Encoded(row.token_ids[len(prefix) :], row.labels[len(prefix) :]) for row in quizzes]
        return prefix or [], rows

    def quiz(self, pictures: tuple[Picture, ...], items: Quiz) -> Encoded:
        """A picture, cues and answers; only the answers are learned. It ends where an attention chunk does."""
        ids = list(self._format.prompt([Message(Role.USER, (*pictures, Text(QUIZ)))]).token_ids)
        is_learned = [False] * len(ids)
        for cue, answer in items:
            for words, learned in ((cue, False), (answer, True)):
                added = self._tokenizer.encode(words)
                ids += added
                is_learned += [learned] * len(added)
        ids, is_learned = ids[: CHUNK_SIZE + 1], is_learned[: CHUNK_SIZE + 1]
        labels = [token if learned else IGNORED for token, learned in zip(ids[1:], is_learned[1:], strict=True)]
        return Encoded(ids[:-1], labels)

    def prefix(self, made: Sample) -> list[int]:
        """A conversation as far as the end of its first picture."""
        whole = self._format.prompt([Message(Role.USER, made.pictures[:1])])
        return list(whole.token_ids[: whole.pictures[0].end])

    def tiles_of(self, made: Sample) -> Tensor | None:
        """uint8 tiles of all pictures, in order. [N, 3, S, S]"""
        tiles = [picture_tiles(picture, self.tiles) for picture in made.pictures]
        return torch.cat(tiles) if tiles else None

    def cells_of(self, made: Sample) -> Cells | None:
        """What all its tiles show."""
        pairs = zip(made.pictures, made.labels, strict=True)
        cells = [picture_cells(picture, labels, self.tiles, self.patch_size) for picture, labels in pairs]
        return Cells.joined(cells) if cells else None


def picture_cells(picture: Picture, labels: Labels | None, tiles: TileGeometry, patch_size: int) -> Cells:
    """What the patches and tokens of one picture's tiles show; IGNORED where nothing is known."""
    canvas = choose_canvas(picture.height, picture.width, tiles)
    patches, tokens = tiles.tile_size // patch_size, math.isqrt(tiles.tokens_per_tile)
    boxes = tile_boxes(canvas, picture.height, picture.width, tiles.tile_size)
    if labels is None:
        unknown = torch.full((len(boxes), patches**2, len(NUM_CLASSES)), IGNORED)
        return Cells(unknown[..., :SEEN_BY_TOWER], unknown[:, : tokens**2])
    of_patches = _stacked([labels.cells(box, (patches, patches)) for box in boxes])
    of_tokens = _stacked([labels.cells(box, (tokens, tokens), *TOKEN_SAMPLES) for box in boxes])
    of_tokens = F.pad(of_tokens, (0, 1), value=labels.ground)
    of_tokens[:-1, :, SEEN_BY_TOWER:] = IGNORED  # a part of a picture does not know the whole: the last tile shows it
    return Cells(of_patches[..., :SEEN_BY_TOWER], of_tokens)


def _stacked(grids: Sequence[Classes]) -> Tensor:
    """[rows, cols, classes] of N tiles -> [N, rows * cols, classes]"""
    return torch.from_numpy(np.stack(grids).astype(np.int64)).flatten(1, 2)


def batches(
    encoder: Encoder, seed: int, first_index: int, curriculum_samples: int, pictures_per_batch: int, stride: int = 1
) -> Iterator[tuple[int, Batch | Conversations]]:
    """Endless batches of every `stride`-th sample, each with the number of the next one."""
    buckets: dict[Hashable, list[Sample]] = defaultdict(list)
    index = first_index
    while True:
        rng = np.random.default_rng((seed, 77, index))
        progress = min(1.0, index / curriculum_samples)
        made = sample(index, seed, progress * (0.25 + 0.75 * float(rng.random())))
        if rng.random() < SMALL_SHARE[0] + (SMALL_SHARE[1] - SMALL_SHARE[0]) * progress:
            made = shrunk(made, encoder.tiles.tile_size)
        index += stride
        key = bucket(made, encoder.tiles, rng)
        buckets[key].append(made)
        if len(buckets[key]) == pictures_per_batch:
            together = buckets.pop(key)
            yield index, plain_batch(encoder, together) if key == "plain" else shared_batch(encoder, together, rng)


def looks(
    encoder: Encoder, seed: int, first_index: int, pictures_per_batch: int, stride: int = 1
) -> Iterator[tuple[int, Batch]]:
    """Endless batches of pictures alone, of every `stride`-th sample, each with the number of the next one."""
    buckets: dict[Hashable, list[Sample]] = defaultdict(list)
    index = first_index
    while True:
        rng = np.random.default_rng((seed, 78, index))
        made = sample(index, seed, float(rng.random()))
        index += stride
        if len(made.pictures) != 1 or made.labels[0] is None:
            continue
        if rng.random() < LOOK_SMALL_SHARE:
            made = shrunk(made, encoder.tiles.tile_size)
        key = grids(made, encoder.tiles)
        buckets[key].append(made)
        if len(buckets[key]) == pictures_per_batch:
            together = buckets.pop(key)
            prefixes = [encoder.prefix(each) for each in together]
            yield index, Batch(torch.tensor(prefixes), (), *_pixels(encoder, together))


def shrunk(made: Sample, size: int) -> Sample:
    """The same conversation about pictures that fit into one tile: a fifth of the work, and much of the lesson."""
    labels = tuple(None if one is None else shrink_labels(one, size) for one in made.labels)
    turns = [
        replace(
            turn,
            pictures=tuple(replace(picture, pixels=shrink_pixels(picture.pixels, size)) for picture in turn.pictures),
        )
        for turn in made.turns
    ]
    return Sample(tuple(turns), labels, made.quizzes)


def shrink_labels(labels: Labels, size: int) -> Labels:
    height, width = labels.numbers.shape
    return labels.shrunk(*_shrunk_size(height, width, size))


def shrink_pixels(pixels: RgbArray, size: int) -> RgbArray:
    height, width = _shrunk_size(pixels.shape[0], pixels.shape[1], size)
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _shrunk_size(height: int, width: int, size: int) -> tuple[int, int]:
    scale = min(1.0, size / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def bucket(made: Sample, tiles: TileGeometry, rng: np.random.Generator) -> Hashable:
    """Which samples can share a batch with this one: those with the same canvas, or those without a picture."""
    only_first = len(made.pictures) == len(made.turns[0].pictures) <= 1
    if not only_first or rng.random() < PLAIN_SHARE:
        return "plain"
    return grids(made, tiles)


def grids(made: Sample, tiles: TileGeometry) -> Hashable:
    """Rows and columns of tiles of each picture."""
    canvases = [choose_canvas(picture.height, picture.width, tiles) for picture in made.pictures]
    return tuple((canvas.rows, canvas.cols) for canvas in canvases)


def tile_boxes(canvas: Canvas, height: int, width: int, tile_size: int) -> list[Box]:
    """The area of the picture that each tile shows, as (left, top, right, bottom) in picture coordinates."""
    x, y = tile_size * width / canvas.content_width, tile_size * height / canvas.content_height
    local = [
        (col * x, row * y, (col + 1) * x, (row + 1) * y) for row in range(canvas.rows) for col in range(canvas.cols)
    ]
    return [*local, (0, 0, width, height)] if canvas.has_global_view else local


def shared_batch(encoder: Encoder, samples: Sequence[Sample], rng: np.random.Generator) -> Batch:
    """Samples of one bucket as prefixes and rows."""
    encoded = [encoder.shared(made, rng) for made in samples]
    assert all(prefix for prefix, _ in encoded), "one question about one picture fits an attention chunk"
    rows = sorted(
        ((row, group) for group, (_, rows) in enumerate(encoded) for row in rows),
        key=lambda pair: len(pair[0].token_ids),
    )
    edges = [0, *(int(len(rows) * share) for share in CUTS), len(rows)]
    sets = tuple(_pad_rows(rows[start:end]) for start, end in pairwise(edges) if start < end)
    return Batch(torch.tensor([prefix for prefix, _ in encoded]), sets, *_pixels(encoder, samples))


def _pad_rows(rows: Sequence[tuple[Encoded, int]]) -> Rows:
    ids, labels = _pad([row for row, _ in rows])
    return Rows(ids, labels, torch.tensor([group for _, group in rows]))


def plain_batch(encoder: Encoder, samples: Sequence[Sample]) -> Conversations:
    """Whole conversations, several samples joined to a row where that changes no answer."""
    joined: list[list[Sample]] = []
    room = 0
    for made in samples:
        size = encoder.conversation(made.messages())[1].num_tokens
        stands_alone = any(turn.skill in STANDS_ALONE for turn in made.turns)
        if stands_alone or size > room or not joined:
            joined.append([])
            room = 0 if stands_alone else PLAIN_TOKENS
        joined[-1].append(made)
        room -= size
    rows = [encoder.conversation([m for made in row for m in made.messages()])[0] for row in joined]
    ids, labels = _pad(rows)
    return Conversations(ids, labels, *_pixels(encoder, [made for row in joined for made in row]))


def _pad(rows: Sequence[Encoded]) -> tuple[Tensor, Tensor]:
    """Rows to tensors [R, T], padded on the right with token 0 and ignored labels."""
    length = max(len(row.token_ids) for row in rows)
    ids = [F.pad(torch.tensor(row.token_ids), (0, length - len(row.token_ids))) for row in rows]
    labels = [F.pad(torch.tensor(row.labels), (0, length - len(row.labels)), value=IGNORED) for row in rows]
    return torch.stack(ids), torch.stack(labels)


def _pixels(encoder: Encoder, samples: Sequence[Sample]) -> tuple[Tensor | None, Cells | None]:
    tiles = [found for made in samples if (found := encoder.tiles_of(made)) is not None]
    cells = [shown for made in samples if (shown := encoder.cells_of(made)) is not None]
    return (torch.cat(tiles), Cells.joined(cells)) if tiles else (None, None)
