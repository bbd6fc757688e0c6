"""The two ways to multiply one row: same numbers, and the switch goes back."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core_model.kernels.gemv import is_plain_gemv_faster, plain_gemv

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")


@needs_onednn
def test_the_switch_is_set_inside_and_restored_after() -> None:
    assert torch.backends.mkldnn.enabled
    with plain_gemv():
        assert not torch.backends.mkldnn.enabled
        with plain_gemv(is_wanted=False):
            assert not torch.backends.mkldnn.enabled
    assert torch.backends.mkldnn.enabled
    with pytest.raises(KeyError), plain_gemv():
        raise KeyError
    assert torch.backends.mkldnn.enabled


@pytest.mark.parametrize(("num_in", "num_out"), [(64, 48), (1000, 33), (1024, 4096), (7, 5)])
def test_both_ways_give_the_same_product(num_in: int, num_out: int) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(num_out, num_in, generator=generator).bfloat16()
    row = torch.randn(1, num_in, generator=generator).bfloat16()
    exact = row.double() @ weight.double().T
    for is_plain in (False, True):
        with plain_gemv(is_plain):
            error = (F.linear(row, weight).double() - exact).abs().max()
        assert error < 2**-7 * exact.abs().max()  # one rounding to bf16


def test_the_probe_answers_only_where_the_question_arises() -> None:
    assert is_plain_gemv_faster([]) is False
    assert is_plain_gemv_faster([torch.ones(8, 8)]) is False
    assert is_plain_gemv_faster([torch.ones(8, 8, dtype=torch.bfloat16)]) in (True, False)
    assert torch.backends.mkldnn.enabled == torch.backends.mkldnn.is_available()
