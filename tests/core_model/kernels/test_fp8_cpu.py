"""FP8 products on the CPU, whichever form they take, against float64."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F

from core_model.kernels import fp8_choice, fp8_forms, fp8_tiles
from core_model.kernels import threads as kernel_threads
from core_model.kernels.fp8_cpu import gated, multiply
from core_model.kernels.fp8_forms import FEW_ROWS, HALF_FEATURES, shift_kernels, table_kernels
from core_model.kernels.fp8_ir import TABLE_FEATURES
from core_model.kernels.jit import host_features

FORMS = ["table", "shift", "none"]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """One form only, as on a processor that has no better one. Found wrong, it would not be used, nor tested."""
    monkeypatch.setattr(fp8_choice, "_refused", set())
    monkeypatch.setattr(fp8_choice, "_chosen", {})
    monkeypatch.setattr(fp8_tiles, "tile_kernel", lambda: None)
    if request.param == "table":
        if not host_features() >= TABLE_FEATURES:
            pytest.skip("this processor has no table look-up")
        assert table_kernels() is not None, "this processor has what it needs"
    else:
        monkeypatch.setattr(fp8_forms, "table_kernels", lambda: None)
    if request.param == "none":
        monkeypatch.setattr(fp8_forms, "shift_kernels", lambda: None)
    elif not host_features() & HALF_FEATURES:
        pytest.skip("this processor cannot convert fp16")
    else:
        assert shift_kernels() is not None, "this processor has what it needs"
    yield str(request.param)
    assert not fp8_choice._refused


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 100)
    monkeypatch.setattr(fp8_forms, "SMALLEST_PART", 1000)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("num_rows", [1, FEW_ROWS, 40])
def test_all_codes_mean_what_they_should(form: str, num_rows: int) -> None:
    """A row of weights for each code, times rows of one one and zeros: the code itself comes out, NaN included."""
    every = torch.arange(256, dtype=torch.uint8).view(256, 1).expand(256, 64).contiguous().view(torch.float8_e4m3fn)
    x = torch.zeros(num_rows, 64)
    x[torch.arange(num_rows), torch.arange(num_rows) * 7 % 64] = 1.0
    values = every[:, 0].double().nan_to_num(777)
    for dtype in (torch.bfloat16, torch.float32):
        for row in multiply(x.to(dtype), every, torch.ones(256)).double():
            assert torch.equal(row.nan_to_num(777), values)


def weights(num_out: int, num_in: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(num_out + num_in)
    codes = torch.randn(num_out, num_in, generator=generator).mul(60).clamp(-448, 448).to(torch.float8_e4m3fn)
    return codes, torch.rand(num_out, generator=generator) + 0.5


def relative_error(x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> float:
    expected = (x.double() @ codes.double().T) * scales.double()
    return float((multiply(x, codes, scales) - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("num_rows", [1, 2, 5, FEW_ROWS])
def test_a_few_rows_are_as_exact_as_their_type(form: str, threads: int, num_rows: int) -> None:
    for num_out, num_in in ((50, 128), (37, 320), (9, 77)):
        codes, scales = weights(num_out, num_in)
        x = torch.randn(num_rows, num_in, generator=torch.Generator().manual_seed(num_rows))
        assert relative_error(x.bfloat16(), codes, scales) < 4e-3  # what rounding the result to bf16 costs
        assert relative_error(x, codes, scales) < 2e-5


@pytest.mark.parametrize("num_rows", [FEW_ROWS + 1, 40])
def test_many_rows_go_by_way_of_bf16(form: str, threads: int, num_rows: int) -> None:
    codes, scales = weights(50, 128)
    x = torch.randn(num_rows, 128, generator=torch.Generator().manual_seed(0))
    assert relative_error(x.bfloat16(), codes, scales) < 5e-3
    assert relative_error(x, codes, scales) < 1e-5


def test_stretches_of_weights_are_multiplied_one_by_one(
    form: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, scales = weights(50, 128)
    x = torch.randn(40, 128, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(fp8_forms, "STRETCH", 20 * 128)  # twice 20 rows of weights, then 10
    assert relative_error(x, codes, scales) < 1e-5
    assert relative_error(x.bfloat16(), codes, scales) < 5e-3


def test_threads_take_long_stretches_of_memory_and_several_each() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert [fp8_forms.part_size(2**bits) for bits in (10, 15, 21, 26)] == [2**15, 2**15, 2**18, 2**20]
    finally:
        torch.set_num_threads(before)


def test_the_bits_do_not_depend_on_the_number_of_threads(form: str, threads: int) -> None:
    if form == "none":
        pytest.skip("torch's own product may add up differently")
    codes, scales = weights(51, 192)
    x = torch.randn(3, 192, generator=torch.Generator().manual_seed(0)).bfloat16()
    shared = multiply(x, codes, scales)
    torch.set_num_threads(1)
    assert torch.equal(multiply(x, codes, scales), shared)


def test_gated_is_both_products_with_a_gate(form: str, threads: int) -> None:
    gate, up = weights(64, 128), weights(64, 128)
    up[0].copy_(up[0].float().flip(0).to(up[0].dtype))
    for num_rows in (1, 2, 40):
        x = torch.randn(num_rows, 128, generator=torch.Generator().manual_seed(num_rows))
        gates, ups = ((x.double() @ codes.double().T) * scales.double() for codes, scales in (gate, up))
        expected = F.silu(gates) * ups
        found = gated(x, *gate, *up)
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_two_callers_at_once_have_a_buffer_each(form: str) -> None:
    both = [(weights(300, 256), 0), (weights(200, 384), 1)]
    x = [torch.randn(20, 256), torch.randn(20, 384)]
    alone = [multiply(x[number], *matrix) for matrix, number in both]

    def again(number: int) -> bool:
        return all(torch.allclose(multiply(x[number], *both[number][0]), alone[number]) for _ in range(60))

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(again, range(2)))


def test_a_row_does_not_depend_on_its_neighbours(form: str) -> None:
    """What a token gives is the same in a batch of any size, but for the order in which a kernel adds up."""
    codes, scales = weights(40, 256)
    x = torch.randn(FEW_ROWS, 256, generator=torch.Generator().manual_seed(0))
    if form == "none":
        pytest.skip("torch's own product")
    together = multiply(x, codes, scales)
    for number in range(FEW_ROWS):
        alone = multiply(x[number : number + 1], codes, scales)[0]
        assert torch.allclose(alone, together[number], rtol=1e-5, atol=1e-5 * float(together.abs().max()))
