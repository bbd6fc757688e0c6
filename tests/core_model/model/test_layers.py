"""Norms by their definition, however they are cut."""

from __future__ import annotations

import pytest
import torch

from core_model.model import layers
from core_model.model.layers import rms_normalize


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 7, 96), (2, 5, 3, 32), (1, 1, 96)])
def test_no_bit_depends_on_how_many_rows_are_normalised_together(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, shape: tuple[int, ...]
) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    exact = x.double()
    expected = exact / (exact.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    with torch.inference_mode():
        whole = rms_normalize(x, 1e-5)
        monkeypatch.setattr(layers, "NORM_BLOCK", 2 * shape[-1])
        cut = rms_normalize(x.transpose(0, 1).contiguous().transpose(0, 1), 1e-5)
    assert torch.allclose(whole.double(), expected, atol=1e-6 if dtype == torch.float32 else 0.02)
    assert whole.dtype == cut.dtype == dtype
    assert torch.equal(whole, cut)


def test_what_is_learned_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "NORM_BLOCK", 1)
    x = torch.randn(3, 8, dtype=torch.float64, requires_grad=True).float().detach().requires_grad_()
    rms_normalize(x, 1e-5).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().max() < 1e-3, "a longer row is normalised to the same"
