"""The cheap way to many answers must teach the same as the plain way."""

from __future__ import annotations

import pytest
import torch

from core_model.config import parse_config
from core_model.model.llama4 import Llama4
from core_model.training.cell_heads import IGNORED, CellHeads, Cells
from core_model.training.data.labels import NUM_CLASSES, SEEN_BY_TOWER
from core_model.training.initialization import initialize
from core_model.training.objective import Batch, Conversations, Rows, compute_losses, imbalance

PATCH_ID = 60
CONFIG = {
    "model_type": "llama4",
    "image_token_index": PATCH_ID,
    "text_config": {
        "vocab_size": 64,
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 16,
        "num_local_experts": 4,
        "attention_chunk_size": 64,
    },
    "vision_config": {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 16,
        "patch_size": 4,
        "projector_input_dim": 16,
        "projector_output_dim": 16,
        "vision_output_dim": 16,
    },
}
NUM_PATCHES, CELLS = 4, 16


@pytest.fixture
def model() -> Llama4:
    model = Llama4(parse_config(CONFIG))
    initialize(model, 4, seed=0)
    return model


@pytest.fixture
def heads(model: Llama4) -> CellHeads:
    torch.manual_seed(0)
    return CellHeads.for_model(model)


def tiles(count: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


PREFIX = [1, 2, *[PATCH_ID] * NUM_PATCHES, 3]
QUESTIONS = ([5, 6, 7, 8], [9, 10, 11, 12, 13, 14], [15, 16, 17, 18])
ANSWER_FROM = 2


def labels(ids: list[int]) -> list[int]:
    """Learn what follows from the third token on."""
    return [IGNORED] * ANSWER_FROM + ids[ANSWER_FROM + 1 :] + [0]


def shared_batch() -> Batch:
    """Two pictures; the first has two questions of four tokens, the second one of six."""
    same_length = Rows(
        torch.tensor([QUESTIONS[0], QUESTIONS[2]]),
        torch.tensor([labels(QUESTIONS[0]), labels(QUESTIONS[2])]),
        torch.tensor([0, 0]),
    )
    other = Rows(torch.tensor([QUESTIONS[1]]), torch.tensor([labels(QUESTIONS[1])]), torch.tensor([1]))
    return Batch(torch.tensor([PREFIX, PREFIX]), (same_length, other), tiles(2), None)


def plain_batches() -> list[tuple[Conversations, int]]:
    """The same, each question a conversation of its own with its picture."""
    made = []
    for question, picture in ((QUESTIONS[0], 0), (QUESTIONS[2], 0), (QUESTIONS[1], 1)):
        ids = torch.tensor([PREFIX + question])
        wanted = torch.tensor([[IGNORED] * len(PREFIX) + labels(question)])
        made.append((Conversations(ids, wanted, tiles(2)[picture : picture + 1], None), len(question) - ANSWER_FROM))
    return made


def test_rows_that_share_a_prefix_have_the_loss_and_gradient_of_separate_conversations(
    model: Llama4, heads: CellHeads
) -> None:
    shared = compute_losses(model, heads, shared_batch())
    shared.answer.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    separate = plain_batches()
    total = sum(count for _, count in separate)
    loss = sum(compute_losses(model, heads, batch).answer * count for batch, count in separate) / total
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    assert shared.num_answer_tokens == total
    assert shared.answer.item() == pytest.approx(loss.item(), abs=1e-5)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(gradients[name], parameter.grad, atol=1e-5), name
    assert gradients["vision_model.patch_embedding.linear.weight"].abs().max() > 0


def test_the_other_pictures_do_not_leak_into_a_row(model: Llama4, heads: CellHeads) -> None:
    batch = shared_batch()
    changed = batch.tiles.clone() if batch.tiles is not None else torch.empty(0)
    changed[1] = 255 - changed[1]
    rows = batch.rows[:1]  # about the first picture only
    one = compute_losses(model, heads, Batch(batch.prefix_ids, rows, batch.tiles, None)).answer
    other = compute_losses(model, heads, Batch(batch.prefix_ids, rows, changed, None)).answer
    assert one.item() == pytest.approx(other.item(), abs=1e-6)


def cells(count: int) -> Cells:
    """Something in every cell."""
    chance = torch.Generator().manual_seed(2)
    made = [torch.randint(1, most, (count, CELLS, 1), generator=chance) for most in NUM_CLASSES]
    labels = torch.cat(made, dim=-1)
    return Cells(labels[..., :SEEN_BY_TOWER], labels[:, :NUM_PATCHES])


def unknown(count: int) -> Cells:
    known = cells(count)
    return Cells(torch.full_like(known.patches, IGNORED), torch.full_like(known.tokens, IGNORED))


def test_cells_are_learned_where_they_are_known(model: Llama4, heads: CellHeads) -> None:
    batch = shared_batch()
    for labels, is_zero in (
        (None, True),
        (cells(2), False),
        (unknown(2), True),
        (Cells.joined([cells(1), unknown(1)]), False),
    ):
        losses = compute_losses(model, heads, Batch(batch.prefix_ids, batch.rows, batch.tiles, labels))
        for loss in (losses.patches, losses.tokens):
            assert torch.isfinite(loss)
            assert (loss.item() == 0) == is_zero


def test_what_is_not_known_about_one_picture_does_not_count(model: Llama4, heads: CellHeads) -> None:
    batch = shared_batch()
    half = Cells.joined([cells(1), unknown(1)])
    one = compute_losses(model, heads, Batch(batch.prefix_ids, batch.rows, batch.tiles, half))
    alone = Conversations(batch.prefix_ids[:1], torch.zeros_like(batch.prefix_ids[:1]), tiles(2)[:1], cells(1))
    other = compute_losses(model, heads, alone)
    assert one.patches.item() == pytest.approx(other.patches.item(), rel=1e-4)
    assert one.tokens.item() == pytest.approx(other.tokens.item(), rel=1e-4)


def test_picture_tokens_are_asked_in_the_middle_of_the_decoder(model: Llama4, heads: CellHeads) -> None:
    batch = shared_batch()
    losses = compute_losses(model, heads, Batch(batch.prefix_ids, batch.rows, batch.tiles, cells(2)))
    losses.tokens.backward()
    layers = model.language_model.model.layers
    taught = [layer.self_attn.o_proj.weight.grad is not None for layer in layers]  # type: ignore[union-attr]
    assert taught == [True, True, False, False]
    assert model.get_parameter("vision_model.patch_embedding.linear.weight").grad is not None


def test_looking_costs_the_same_as_asking_and_teaches_no_answers(model: Llama4, heads: CellHeads) -> None:
    batch = shared_batch()
    asked = compute_losses(model, heads, Batch(batch.prefix_ids, batch.rows, batch.tiles, cells(2)))
    looked = compute_losses(model, heads, Batch(batch.prefix_ids, (), batch.tiles, cells(2)))
    assert looked.tokens.item() == pytest.approx(asked.tokens.item(), rel=1e-5)
    assert looked.patches.item() == pytest.approx(asked.patches.item(), rel=1e-5)
    assert (looked.answer.item(), looked.num_answer_tokens) == (0, 0)
    looked.tokens.backward()
    assert model.language_model.lm_head.weight.grad is None


def test_balance_is_one_when_experts_are_used_evenly_and_their_number_when_one_does_all() -> None:
    even = 20.0 * torch.eye(4).repeat(5, 1)
    alone = torch.tensor([[20.0, 0.0, 0.0, 0.0]]).repeat(20, 1)
    assert imbalance(even).item() == pytest.approx(1.0, abs=1e-3)
    assert imbalance(alone).item() == pytest.approx(4.0, abs=1e-3)


def test_a_few_steps_learn_an_answer_by_heart(model: Llama4, heads: CellHeads) -> None:
    optimizer = torch.optim.Adam([*model.parameters(), *heads.parameters()], lr=3e-3)
    first = last = 0.0
    for step in range(30):
        losses = compute_losses(model, heads, shared_batch())
        losses.answer.backward()
        optimizer.step()
        optimizer.zero_grad()
        last = losses.answer.item()
        first = first if step else last
    assert last < 0.2 * first
