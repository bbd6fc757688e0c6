"""Experts together in Triton's interpreter, in float32; on a card in bf16. Against each expert by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

pytest.importorskip("triton")

from core_model.kernels import fp8_triton_grouped
from core_model.kernels.fp8_triton_grouped import tiles_of
from tests.core_model.kernels.test_fp8_triton import DEVICE, matrix
from tests.core_model.kernels.test_fp8_triton_tiles import close, rows

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")  # NumPy, where the sigmoid is zero

Expert = list[tuple[Tensor, Tensor]]


def expert(num_in: int, size: int, seed: int) -> Expert:
    return [matrix(size, num_in, seed), matrix(size, num_in, seed + 100), matrix(num_in, size, seed + 200)]


def addresses(one: Expert) -> list[int]:
    return [tensor.data_ptr() for pair in one for tensor in pair]


def by_itself(one: Expert, x: Tensor) -> Tensor:
    (gate, gate_scales), (up, up_scales), (down, down_scales) = one
    gates, ups = F.linear(x.float(), gate.float()) * gate_scales, F.linear(x.float(), up.float()) * up_scales
    return F.linear(F.silu(gates) * ups, down.float()) * down_scales


def check(counts: Sequence[int], num_in: int, size: int, rows_per_expert: float, seed: int = 0) -> None:
    """Rows of a larger step, mixed; those of other experts are not touched."""
    experts = [expert(num_in, size, number) for number in range(len(counts))]
    order = torch.randperm(sum(counts) + 9, generator=torch.Generator().manual_seed(seed)).to(DEVICE)
    mine = order[: sum(counts)]
    x = rows(len(order), num_in, seed)
    y = torch.full_like(x, 7.0)
    where = [(count, addresses(one)) for count, one in zip(counts, experts, strict=True)]
    fp8_triton_grouped.compute(x, mine, where, size, y, rows_per_expert)
    for one, some in zip(experts, mine.split(list(counts)), strict=True):
        assert not len(some) or close(y[some], by_itself(one, x[some]))
    assert bool((y[order[sum(counts) :]] == 7).all())


@pytest.mark.parametrize("counts", [
    (1,), (5, 3), (0, 4, 0, 1), (33, 0, 70, 1), (130, 0, 0, 0), (0, 0, 130), (16, 16, 16), (17, 15, 64, 65),
])  # fmt: skip
@pytest.mark.parametrize("rows_per_expert", [1, 20, 100])
def test_each_row_is_computed_by_its_expert(counts: tuple[int, ...], rows_per_expert: float) -> None:
    check(counts, 48, 40, rows_per_expert)


@pytest.mark.parametrize("seed", range(6))
def test_any_shape(seed: int) -> None:
    chance = random.Random(seed)
    counts = [chance.choice([0, 1, chance.randint(2, 60)]) for _ in range(chance.randint(1, 9))]
    check(
        counts,
        chance.randint(1, 20) * 16 + chance.choice([0, 0, 5]),
        chance.randint(1, 90),
        chance.uniform(1, 90),
        seed,
    )


def test_no_rows_are_no_work() -> None:
    check((0, 0), 48, 40, 3)


def test_no_bit_says_who_was_launched_together() -> None:
    counts, (num_in, size) = (5, 70, 0, 31), (64, 48)
    experts = [expert(num_in, size, number) for number in range(len(counts))]
    order = torch.randperm(sum(counts), generator=torch.Generator().manual_seed(3)).to(DEVICE)
    x = rows(len(order), num_in, 4)
    where = [(count, addresses(one)) for count, one in zip(counts, experts, strict=True)]
    whole = torch.empty_like(x)
    fp8_triton_grouped.compute(x, order, where, size, whole, 30)
    split = order.split(list(counts))
    for parts in ([0], [1], [2, 3]), ([3, 0], [2, 1]), ([1, 2, 0], [3]):
        y = torch.full_like(x, float("nan"))
        for part in parts:
            some = torch.cat([split[number] for number in part])
            fp8_triton_grouped.compute(x, some, [where[number] for number in part], size, y, 30)
        assert torch.equal(y, whole), parts


def test_the_table_names_each_row_once() -> None:
    words = list(tiles_of([(5, [1] * 6), (0, [2] * 6), (33, [3] * 6), (16, [4] * 6)], 16))
    assert [word[6:8] for word in words] == [(0, 5), (5, 16), (21, 16), (37, 1), (38, 16)]
    assert [word[8:] for word in words] == [(0, 1), (1, 3), (1, 3), (1, 3), (4, 1)]
    assert [word[0] for word in words] == [1, 3, 3, 3, 4]


def test_matrices_that_begin_anywhere_are_refused() -> None:
    x = rows(3, 48, 0)
    with pytest.raises(AssertionError, match="whole words"):
        fp8_triton_grouped.compute(x, torch.arange(3), [(3, [16, 4, 16, 4, 17, 4])], 40, torch.empty_like(x), 3)
