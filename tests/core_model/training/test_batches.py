"""Samples become token ids, labels and tiles that belong together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
import torch

from core_model.canvas import Canvas
from core_model.config import VisionConfig
from core_model.text.special_tokens import END_OF_TURN, PATCH
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.training import recipe
from core_model.training.batches import QUIZ, Encoder, batches, looks, picture_cells, shrunk, tile_boxes
from core_model.training.cell_heads import IGNORED
from core_model.training.data.backgrounds import NAMES as BACKGROUND_NAMES
from core_model.training.data.dataset import sample
from core_model.training.data.labels import LabelPainter, Thing
from core_model.training.data.vocabulary import train_tokenizer, write_tokenizer
from core_model.training.objective import Batch, Conversations
from core_model.training.train import tile_geometry, vision_config
from media.types import Picture


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, train_tokenizer(count=150))
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def vision() -> VisionConfig:
    return vision_config()


@pytest.fixture(scope="module")
def encoder(tokenizer: Tokenizer, vision: VisionConfig) -> Encoder:
    return Encoder(tokenizer, tile_geometry(vision), vision.patch_size)


@pytest.fixture(scope="module")
def made(encoder: Encoder) -> list[Batch | Conversations]:
    return [batch for _, batch in islice(batches(encoder, 1, 30_000, 40_000, 4), 16)]


def rows_of(batch: Batch | Conversations) -> Iterator[tuple[list[int], list[int]]]:
    """Token ids and labels of each row, a shared row with its prefix in front."""
    if isinstance(batch, Conversations):
        yield from zip(batch.token_ids.tolist(), batch.labels.tolist(), strict=True)
        return
    for rows in batch.rows:
        for ids, labels, group in zip(rows.token_ids.tolist(), rows.labels.tolist(), rows.group.tolist(), strict=True):
            prefix = batch.prefix_ids[group].tolist()
            yield prefix + ids, [IGNORED] * len(prefix) + labels


def test_both_kinds_of_batch_occur(made: list[Batch | Conversations]) -> None:
    assert {type(batch) for batch in made} == {Batch, Conversations}
    assert any(isinstance(batch, Batch) and batch.tiles is None for batch in made), "talk without pictures"


def test_labels_are_the_next_tokens_of_answers_and_end_with_the_turn(
    made: list[Batch | Conversations], tokenizer: Tokenizer
) -> None:
    end_of_turn = tokenizer.special_id(END_OF_TURN)
    quiz = tokenizer.encode(QUIZ)
    for batch in made:
        for ids, labels in rows_of(batch):
            if any(ids[at : at + len(quiz)] == quiz for at in range(len(ids))):
                continue  # has no sentences
            learned = [position for position, label in enumerate(labels) if label != IGNORED]
            assert learned
            for position in learned:
                if position + 1 < len(ids) and labels[position] != end_of_turn:
                    assert ids[position + 1] == labels[position]
            answer = [labels[position] for position in learned]
            assert end_of_turn in answer
            text = tokenizer.decode(token for token in answer if token != end_of_turn)
            assert text[0].isupper() or text[0].isdigit() or text[0] == '"'


def test_there_are_as_many_tiles_as_patch_tokens_and_cell_labels(
    made: list[Batch | Conversations], tokenizer: Tokenizer, vision: VisionConfig
) -> None:
    patch = tokenizer.special_id(PATCH)
    for batch in made:
        ids = batch.prefix_ids if isinstance(batch, Batch) else batch.token_ids
        num_patches = int((ids == patch).sum())
        num_tiles = 0 if batch.tiles is None else len(batch.tiles)
        assert num_patches == num_tiles * vision.tokens_per_tile
        if batch.cells is not None:
            assert batch.cells.patches.shape == (num_tiles, vision.patches_per_side**2, 2)
            assert batch.cells.tokens.shape == (num_tiles, vision.tokens_per_tile, 6)
        if isinstance(batch, Batch):
            assert not any((rows.token_ids == patch).any() for rows in batch.rows)


def test_shared_rows_stay_within_one_attention_chunk(made: list[Batch | Conversations]) -> None:
    sizes = [
        batch.prefix_ids.shape[1] + rows.token_ids.shape[1]
        for batch in made
        if isinstance(batch, Batch)
        for rows in batch.rows
    ]
    assert max(sizes) <= recipe.CHUNK_SIZE


def test_plain_rows_cross_chunks(made: list[Batch | Conversations]) -> None:
    assert max(b.token_ids.shape[1] for b in made if isinstance(b, Conversations)) > recipe.CHUNK_SIZE


def test_the_same_number_gives_the_same_batch(encoder: Encoder) -> None:
    one, other = (next(batches(encoder, 1, 500, 40_000, 3)) for _ in range(2))
    assert one[0] == other[0]
    for mine, theirs in zip(rows_of(one[1]), rows_of(other[1]), strict=True):
        assert mine == theirs


def test_cells_say_what_the_tiles_show(encoder: Encoder) -> None:
    """A labelled patch differs from a patch of the same tile that is background."""
    contrasts = []
    for index in range(60):
        one = sample(index, 5, 0.0)
        tiles, cells = encoder.tiles_of(one), encoder.cells_of(one)
        if tiles is None or cells is None:
            continue
        contrasts += differences(tiles, cells.patches, encoder.patch_size)
        contrasts += differences(tiles, cells.tokens, 2 * encoder.patch_size)
    assert len(contrasts) > 80
    assert np.median(contrasts) > 60


def differences(tiles: torch.Tensor, labels: torch.Tensor, size: int) -> list[float]:
    """By how much the colour of labelled cells differs from that of the others, in each tile that has both."""
    cells = tiles.float().unfold(2, size, size).unfold(3, size, size).mean((-1, -2)).flatten(2).transpose(1, 2)
    found = []
    for tile, is_thing in zip(cells, labels[..., 0] > 0, strict=True):
        if is_thing.any() and not is_thing.all():
            found.append(float((tile[is_thing].mean(0) - tile[~is_thing].mean(0)).abs().max()))
    return found


def test_tokens_know_the_place_and_the_order_of_what_they_show(encoder: Encoder) -> None:
    """Read row by row, the first tokens of the shapes of a single tile come in the order of their rows of places."""
    for index in range(40):
        one = shrunk(sample(index, 5, 0.6), encoder.tiles.tile_size)
        cells = encoder.cells_of(one)
        if cells is None or len(cells.tokens) != 1 or (cells.tokens < 0).any():
            continue
        for place, rank in cells.tokens[0, :, 3:5].tolist():
            assert (place > 0) <= (rank > 0)
        by_rank = {rank: place for place, rank in cells.tokens[0, :, 3:5].tolist() if place}
        assert [by_rank[rank] for rank in sorted(by_rank)] == sorted(by_rank.values())


def test_pictures_to_look_at_end_with_the_picture_and_have_no_questions(
    encoder: Encoder, tokenizer: Tokenizer, vision: VisionConfig
) -> None:
    patch = tokenizer.special_id(PATCH)
    for _, batch in islice(looks(encoder, 1, 0, 3), 8):
        assert batch.rows == ()
        assert batch.tiles is not None
        assert batch.cells is not None
        assert (batch.cells.tokens[..., :2] >= 0).all()
        assert int((batch.prefix_ids == patch).sum()) == len(batch.tiles) * vision.tokens_per_tile
        assert tokenizer.decode(batch.prefix_ids[0, -1:].tolist()) == ""  # the token that ends a picture


def test_tile_boxes_cover_the_picture_and_the_padding() -> None:
    boxes = tile_boxes(Canvas(2, 2, 96, 192), 100, 200, 96)
    assert boxes == [(0, 0, 100, 100), (100, 0, 200, 100), (0, 100, 100, 200), (100, 100, 200, 200), (0, 0, 200, 100)]


def test_shrunk_pictures_fit_one_tile_and_keep_their_labels(encoder: Encoder) -> None:
    for index in range(20):
        small = shrunk(sample(index, 3, 1.0), 96)
        for picture, labels in zip(small.pictures, small.labels, strict=True):
            assert max(picture.height, picture.width) <= 96
            assert labels is None or labels.numbers.shape == (picture.height, picture.width)


def test_only_the_view_of_the_whole_picture_knows_size_place_and_order(encoder: Encoder) -> None:
    picture = Picture(np.zeros((192, 192, 3), dtype=np.uint8))
    painter = LabelPainter((192, 192))
    painter.image.paste(painter.add(Thing(1, 2, 3, 4, 5)), (0, 0, 192, 192))
    tokens = picture_cells(picture, painter.finish("striped"), encoder.tiles, encoder.patch_size).tokens
    assert len(tokens) == 5
    assert (tokens[-1] == torch.tensor([1, 2, 3, 4, 5, BACKGROUND_NAMES.index("striped")])).all()
    assert (tokens[:-1] == torch.tensor([1, 2, *[IGNORED] * 4])).all()


def test_of_a_quiz_only_the_answers_are_learned(encoder: Encoder, tokenizer: Tokenizer) -> None:
    made = next(one for index in range(50) if (one := sample(index, 5, 1.0)).quizzes and one.turns[0].pictures)
    row = encoder.quiz(made.turns[0].pictures, ((" red heart where:", " top left;"), (" count:", " 5;")))
    learned = [label for label in row.labels if label != IGNORED]
    assert tokenizer.decode(learned) == " top left; 5;"
    assert tokenizer.decode(row.token_ids).endswith(" red heart where: top left; count: 5")
    assert len(row.token_ids) == len(row.labels)
    long = encoder.quiz(made.turns[0].pictures, ((" red heart where:", " top left;"),) * 100)
    assert len(long.token_ids) == len(long.labels) == recipe.CHUNK_SIZE
    _, rows = encoder.shared(made, np.random.default_rng(0))
    assert len(rows) > len(made.quizzes)
