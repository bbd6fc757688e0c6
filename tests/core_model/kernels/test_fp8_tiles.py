"""FP8 products on matrix units, where this processor has them, against float64."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from core_model.kernels import fp8_choice, fp8_cpu, fp8_tiles, fp8_tiles_ir
from core_model.kernels import threads as kernel_threads
from core_model.kernels.fp8_tiles import TileKernel, tile_kernel
from core_model.kernels.jit import host_features

IS_POSSIBLE = host_features() >= fp8_tiles_ir.FEATURES and fp8_tiles._is_allowed()
pytestmark = pytest.mark.skipif(not IS_POSSIBLE, reason="needs a processor with AMX")
ROUNDING = 2.0**-8  # of bf16, relative to the result


@pytest.fixture
def kernel() -> TileKernel:
    found = tile_kernel()
    assert found is not None, "this processor has what it needs: LLVM refused it, or it computed wrongly"
    return found


@pytest.fixture(params=[1, 3])
def num_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 100)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def matrix(num_out: int, num_in: int) -> fp8_tiles.Fp8Matrix:
    """Every finite code somewhere, and scales."""
    generator = torch.Generator().manual_seed(num_out * 1000 + num_in)
    codes = torch.randint(0, 256, (num_out, num_in), generator=generator, dtype=torch.uint8)
    codes[(codes & 127) == 127] = 8
    return codes.view(torch.float8_e4m3fn), torch.rand(num_out, generator=generator) + 0.5


def rows(count: int, num_in: int) -> torch.Tensor:
    return torch.randn(count, num_in, generator=torch.Generator().manual_seed(count)).bfloat16()


def expected(x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    return (x.double() @ codes.double().T) * scales.double()


@pytest.mark.parametrize("num_rows", [1, 3, 15, 16, 17, 33, 48, 70])
@pytest.mark.parametrize("shape", [(32, 64), (96, 192), (64, 1024), (320, 128)])
def test_products_of_any_number_of_rows(
    kernel: TileKernel, num_threads: int, num_rows: int, shape: tuple[int, int]
) -> None:
    codes, scales = matrix(*shape)
    x = rows(num_rows, shape[1])
    (found,) = kernel.multiply(x, (codes, scales))
    right = expected(x, codes, scales)
    assert found.shape == right.shape
    assert ((found.double() - right).abs() <= ROUNDING * right.abs() + 1e-5 * right.abs().max()).all()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of weights with some of the columns, as of large matrices; the last one of a row is narrower."""
    monkeypatch.setattr(fp8_tiles, "BLOCK", 2 * 96 * 128)
    monkeypatch.setattr(fp8_tiles, "BLOCK_ROWS", 96)


@pytest.mark.parametrize("num_rows", [129, 144, 200])
def test_sums_wait_for_the_next_columns(
    kernel: TileKernel, num_threads: int, num_rows: int, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, x = matrix(1536, 320), rows(num_rows, 320)
    assert fp8_tiles.block_shape(num_rows, 320, 1536) == (96, 128)
    (found,) = kernel.multiply(x, weights)
    right = expected(x, *weights)
    assert ((found.double() - right).abs() <= ROUNDING * right.abs() + 1e-5 * right.abs().max()).all()
    monkeypatch.setattr(fp8_tiles, "BLOCK", 2**20)
    assert fp8_tiles.block_shape(num_rows, 320, 1536)[1] == 320
    assert torch.equal(kernel.multiply(x, weights)[0], found), "in the same order, so the same bits"


def test_blocks_are_as_large_as_the_cache_and_the_threads_allow() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert fp8_tiles.block_shape(512, 5120, 8192) == (256, 2048)
        assert fp8_tiles.block_shape(512, 1024, 2048) == (256, 1024)
        assert fp8_tiles.block_shape(512, 5120, 1024) == (128, 4096)
        assert fp8_tiles.block_shape(32, 8192, 5120) == (32, 8192)
        assert fp8_tiles.block_shape(512, 64, 32) == (32, 64)
        torch.set_num_threads(64)
        assert fp8_tiles.block_shape(512, 5120, 8192) == (32, 5120)
    finally:
        torch.set_num_threads(before)


def test_all_codes_mean_what_they_should(kernel: TileKernel) -> None:
    """One row of weights for each code, times a row of ones and zeros: the code itself comes out."""
    every = torch.arange(256, dtype=torch.uint8).view(256, 1).expand(256, 64).contiguous().view(torch.float8_e4m3fn)
    x = torch.zeros(5, 64)
    x[torch.arange(5), torch.tensor([0, 7, 15, 32, 63])] = 1.0
    (found,) = kernel.multiply(x.bfloat16(), (every, torch.ones(256)))
    values = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    for row in found.float():
        assert torch.equal(row.nan_to_num(777), values.nan_to_num(777))


def test_several_matrices_share_the_rows(kernel: TileKernel, num_threads: int) -> None:
    one, other, x = matrix(64, 128), matrix(96, 128), rows(20, 128)
    for found, alone in zip(kernel.multiply(x, one, other), (one, other), strict=True):
        assert torch.equal(found, kernel.multiply(x, alone)[0])


def test_the_bits_of_a_row_do_not_depend_on_threads_or_neighbours(kernel: TileKernel, num_threads: int) -> None:
    weights, x = matrix(512, 256), rows(50, 256)
    (together,) = kernel.multiply(x, weights)
    torch.set_num_threads(1)
    (alone,) = kernel.multiply(x[40:41], weights)
    assert torch.equal(together[40:41], alone)


def test_two_callers_at_once_do_not_disturb_each_other(kernel: TileKernel) -> None:
    """Each has strips of its own; with shared ones they would write over each other's decoded weights."""
    weights, x = [matrix(512, 256 + 64 * number) for number in range(2)], [rows(40, 256), rows(40, 320)]
    alone = [kernel.multiply(some, matrix_)[0] for some, matrix_ in zip(x, weights, strict=True)]

    def again(number: int) -> bool:
        results = [kernel.multiply(x[number], weights[number])[0] for _ in range(60)]
        return all(torch.equal(result, alone[number]) for result in results)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(again, range(2)))


@pytest.mark.parametrize("num_rows", [50, 144])
def test_nothing_is_written_behind_the_threads_memory(
    kernel: TileKernel, num_threads: int, num_rows: int, small_blocks: None
) -> None:
    shape = fp8_tiles.block_shape(num_rows, 256, 512)
    room = fp8_tiles_ir.memory_bytes(*shape, 256, num_rows) * num_threads
    guarded = torch.full((room + 4096,), 77, dtype=torch.uint8)
    kernel._own.memory = guarded[:room]
    kernel.multiply(rows(num_rows, 256), matrix(512, 256))
    assert (guarded[room:] == 77).all()
    del kernel._own.memory


def test_a_nan_stays_in_its_row_and_column(kernel: TileKernel) -> None:
    codes, scales = matrix(32, 64)
    codes.view(torch.uint8)[5, 9] = 127
    x = rows(17, 64)
    x[16, 3] = float("nan")  # the last row, which is repeated to fill up sixteen
    (found,) = kernel.multiply(x, (codes, scales))
    where = torch.zeros(17, 32, dtype=torch.bool)
    where[:, 5], where[16] = True, True
    assert torch.equal(found.isnan(), where)


def test_rows_that_are_not_contiguous(kernel: TileKernel) -> None:
    weights, x = matrix(32, 64), rows(64, 20)
    (found,) = kernel.multiply(x.T, weights)
    assert torch.equal(found, kernel.multiply(x.T.contiguous(), weights)[0])


def test_it_stands_behind_the_common_product(kernel: TileKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fp8_choice, "_chosen", {})
    weights, x = matrix(64, 128), rows(20, 128)
    taken = fp8_cpu.multiply(x, *weights)
    assert torch.equal(taken, kernel.multiply(x, weights)[0])
    assert torch.equal(fp8_cpu.multiply(x[:3], *weights), kernel.multiply(x[:3], weights)[0]), "from three rows on"
    assert fp8_cpu.multiply(x[:2], *weights).shape == (2, 64)
    monkeypatch.setattr(fp8_tiles, "tile_kernel", lambda: None)
    monkeypatch.setattr(fp8_choice, "_chosen", {})
    plain = fp8_cpu.multiply(x, *weights)
    assert (taken.double() - plain.double()).abs().max() <= 0.02 * plain.double().abs().max()
    assert not torch.equal(taken, plain), "otherwise it was the same way twice"


def test_matrices_that_do_not_fit_take_the_other_way(kernel: TileKernel) -> None:
    for shape in ((50, 128), (64, 96)):
        codes, scales = matrix(*shape)
        assert not kernel.takes(codes)
        x = rows(20, shape[1])
        found, right = fp8_cpu.multiply(x, codes, scales).double(), expected(x, codes, scales)
        assert (found - right).abs().max() <= 0.02 * right.abs().max()


def test_a_kernel_that_computes_wrongly_is_not_taken(
    kernel: TileKernel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert fp8_tiles._is_right(kernel)
    right = kernel.multiply

    def wrong_at_the_end(x: torch.Tensor, *matrices: fp8_tiles.Fp8Matrix) -> list[torch.Tensor]:
        results = right(x, *matrices)
        results[-1][-1, -1] += 10 * results[-1].abs().max()
        return results

    monkeypatch.setattr(kernel, "multiply", wrong_at_the_end)
    assert not fp8_tiles._is_right(kernel)
    monkeypatch.setattr(fp8_tiles, "TileKernel", lambda _: kernel)
    assert tile_kernel.__wrapped__() is None
    assert "wrongly" in caplog.text
