from __future__ import annotations

import copy
from typing import Any

import pytest

from core_model.errors import CheckpointError
from core_model.weights.quantization import Fp8Scheme, read_quantization
from tests.checkpoints import fp8_config


def changed(**changes: Any) -> dict[str, Any]:
    """The official block with fields of its one group replaced, `weights__type="int"` style."""
    block = copy.deepcopy(fp8_config())
    for path, value in changes.items():
        target = block["config_groups"]["group_0"]
        *outer, last = path.split("__")
        for name in outer:
            target = target[name]
        target[last] = value
    return block


def test_official_block() -> None:
    assert read_quantization(fp8_config()) == Fp8Scheme(per_channel=True)
    assert read_quantization(fp8_config(per_tensor=True)) == Fp8Scheme(per_channel=False)
    assert read_quantization(None) is None


def test_weight_only_and_inert_options_are_read() -> None:
    block = {**changed(input_activations=None), "sparsity_config": {"format": "dense"}, "transform_config": {}}
    assert read_quantization(block) == Fp8Scheme(per_channel=True)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"quant_method": "fbgemm_fp8"}, "fbgemm_fp8"),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "NVIDIA ModelOpt"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "gptq", "bits": 4}, "GPTQ"),
        ({"quant_method": "brand-new"}, "brand-new"),
        ({}, "None"),
        ({"quant_method": "compressed-tensors"}, "without config_groups"),
        ({**fp8_config(), "format": "pack-quantized"}, "pack-quantized"),
        (changed(weights__num_bits=4, weights__type="int", format="pack-quantized"), "pack-quantized: int4"),
        (changed(weights__strategy="block"), "float8 per block"),
        (changed(weights__symmetric=False), "float8"),
        (changed(input_activations__dynamic=False), "static activation scales"),
        (changed(weights=None), "without a description"),
        ({**fp8_config(), "transform_config": {"R1": {}}}, "transform_config"),
        ({**fp8_config(), "sparsity_config": {"format": "sparse-24-bitmask"}}, "sparsity_config"),
        ("fp8", "not an object"),
        ({**fp8_config(), "config_groups": [1]}, "config_groups"),
    ],
)
def test_other_formats_are_refused_by_name(block: Any, words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_quantization(block)
    assert words in caught.value.message
