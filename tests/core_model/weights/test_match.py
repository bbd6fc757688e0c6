from __future__ import annotations

from typing import Any

import pytest
import torch

from core_model.config import parse_config
from core_model.errors import CheckpointError
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import build_on_meta
from core_model.weights.match import ExpertMatrices, Matrix, Source, match
from core_model.weights.quantization import Fp8Scheme
from tests.checkpoints import CheckpointShelf

FP8 = torch.float8_e4m3fn
SCHEME = Fp8Scheme(per_channel=True)
MOE = "language_model.model.layers.0.feed_forward.experts"
SHAPES = {
    "language_model.model.embed_tokens.weight": (30, 8),
    "language_model.lm_head.weight": (30, 8),
    f"{MOE}.gate_up_proj": (2, 8, 12),
    f"{MOE}.down_proj": (2, 6, 8),
    "language_model.model.layers.0.self_attn.q_proj.weight": (8, 8),
}
RELEASED: dict[str, Any] = {
    "model_type": "llama4",
    "text_config": {
        "hidden_act": "silu",
        "vocab_size": 202048,
        "hidden_size": 5120,
        "intermediate_size": 8192,
        "intermediate_size_mlp": 16384,
        "num_hidden_layers": 48,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
    "vision_config": {
        "hidden_act": "gelu",
        "hidden_size": 1408,
        "num_hidden_layers": 34,
        "num_attention_heads": 16,
        "intermediate_size": 5632,
        "image_size": 336,
        "patch_size": 14,
        "projector_input_dim": 4096,
        "projector_output_dim": 4096,
        "vision_output_dim": 4096,
    },
}


class FakeReader:
    """Names, shapes and types without files; asking for a tensor is a mistake."""

    def __init__(self, tensors: dict[str, tuple[tuple[int, ...], torch.dtype]]) -> None:
        self.tensors = tensors

    def names(self) -> list[str]:
        return list(self.tensors)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name][0]

    def dtype(self, name: str) -> torch.dtype:
        return self.tensors[name][1]

    def num_bytes(self, name: str) -> int:
        return 0

    def file_name(self, name: str) -> str:
        return "vision.safetensors" if name.startswith("vision") else "model.safetensors"

    def get(self, name: str) -> torch.Tensor:
        raise AssertionError(f"{name} was mapped during matching")


def fused() -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    return {name: (shape, torch.bfloat16) for name, shape in SHAPES.items()}


def per_expert(dtype: torch.dtype = FP8) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    tensors = {name: value for name, value in fused().items() if ".experts." not in name}
    for expert in range(2):
        for part, shape in (("gate_proj", (6, 8)), ("up_proj", (6, 8)), ("down_proj", (8, 6))):
            tensors[f"{MOE}.{expert}.{part}.weight"] = (shape, dtype)
            if dtype == FP8:
                tensors[f"{MOE}.{expert}.{part}.weight_scale"] = ((shape[0], 1), torch.bfloat16)
    return tensors


def find(tensors: dict[str, tuple[tuple[int, ...], torch.dtype]]) -> dict[str, Source]:
    return match(SHAPES, FakeReader(tensors), SCHEME)


def refusal(tensors: dict[str, tuple[tuple[int, ...], torch.dtype]], scheme: Fp8Scheme | None = SCHEME) -> str:
    with pytest.raises(CheckpointError) as caught:
        match(SHAPES, FakeReader(tensors), scheme)
    return caught.value.message


@pytest.mark.parametrize("variant", ["scout", "maverick", "text_only", "no_experts", "tied", "attention_bias"])
def test_model_and_file_of_transformers_fit(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    checkpoint = Checkpoint.open(checkpoint_shelf.folder(variant))
    expected = {name: parameter.shape for name, parameter in build_on_meta(checkpoint.config).named_parameters()}
    sources = match(expected, checkpoint)
    assert sources.keys() == expected.keys()
    used = {source.weight for source in sources.values() if isinstance(source, Matrix)}
    assert used == set(checkpoint.names())


@pytest.mark.parametrize(
    ("text", "num_tensors", "num_parameters"),
    [
        ({"num_local_experts": 16, "interleave_moe_layer_step": 1}, 1_133, 108_641_793_536),
        ({"num_local_experts": 128, "interleave_moe_layer_step": 2}, 1_061, 401_583_781_376),
    ],
    ids=["Scout", "Maverick"],
)
def test_the_released_models_have_as_many_tensors_and_parameters_as_their_files(
    text: dict[str, Any], num_tensors: int, num_parameters: int
) -> None:
    config = {**RELEASED, "text_config": {**RELEASED["text_config"], **text}}
    parameters = dict(build_on_meta(parse_config(config)).named_parameters())
    assert len(parameters) == num_tensors
    assert sum(parameter.numel() for parameter in parameters.values()) == num_parameters


def test_fused_and_per_expert_layouts() -> None:
    assert find(fused())[f"{MOE}.down_proj"] == Matrix(f"{MOE}.down_proj")
    source = find(per_expert())[f"{MOE}.gate_up_proj"]
    assert isinstance(source, ExpertMatrices)
    assert source.experts[1] == (
        Matrix(f"{MOE}.1.gate_proj.weight", f"{MOE}.1.gate_proj.weight_scale"),
        Matrix(f"{MOE}.1.up_proj.weight", f"{MOE}.1.up_proj.weight_scale"),
    )


def test_unquantized_per_expert_layout() -> None:
    source = find(per_expert(torch.bfloat16))[f"{MOE}.down_proj"]
    assert source == ExpertMatrices(((Matrix(f"{MOE}.0.down_proj.weight"),), (Matrix(f"{MOE}.1.down_proj.weight"),)))


def test_text_only_names() -> None:
    tensors = {name.removeprefix("language_model."): value for name, value in fused().items()}
    assert find(tensors)["language_model.lm_head.weight"] == Matrix("lm_head.weight")
    assert find(tensors)[f"{MOE}.down_proj"] == Matrix("model.layers.0.feed_forward.experts.down_proj")


@pytest.mark.parametrize("shape", [(8, 1), (8,), (1,), (1, 1), ()])
def test_any_linear_may_be_fp8_with_scales_per_row_or_per_matrix(shape: tuple[int, ...]) -> None:
    name = "language_model.model.layers.0.self_attn.q_proj.weight"
    tensors = {**fused(), name: ((8, 8), FP8), f"{name}_scale": (shape, torch.float32)}
    assert find(tensors)[name] == Matrix(name, f"{name}_scale")


def test_known_leftovers_are_ignored() -> None:
    extra = {
        "language_model.model.rotary_emb.inv_freq": ((4,), torch.float32),
        "language_model.model.layers.0.self_attn.rotary_emb.inv_freq": ((4,), torch.float32),
        "language_model.model.layers.0.self_attn.k_scale": ((1,), torch.bfloat16),
    }
    assert find({**fused(), **extra}).keys() == SHAPES.keys()


def test_copy_of_tied_embeddings_is_ignored_only_when_tied() -> None:
    shapes = {name: shape for name, shape in SHAPES.items() if "lm_head" not in name}
    assert match(shapes, FakeReader(fused())).keys() == shapes.keys()
    without = {name: value for name, value in fused().items() if "lm_head" not in name}
    assert "1 tensor missing in model.safetensors: language_model.lm_head.weight" in refusal(without)


def test_all_problems_come_at_once_with_their_files() -> None:
    tensors = fused()
    del tensors["language_model.lm_head.weight"]
    tensors[f"{MOE}.down_proj"] = ((2, 6, 9), torch.bfloat16)
    tensors["vision_model.class_embedding"] = ((8,), torch.bfloat16)
    message = refusal(tensors)
    assert "1 tensor missing in all 2 weight files: language_model.lm_head.weight." in message
    assert "1 tensor not expected: vision_model.class_embedding in vision.safetensors." in message
    assert f"1 tensor wrong: {MOE}.down_proj in model.safetensors has shape [2, 6, 9] instead of [2, 6, 8]." in message


def test_long_lists_are_cut_and_counted() -> None:
    extra = {f"vision_model.extra.{number}": ((1,), torch.bfloat16) for number in range(1500)}
    message = refusal({**fused(), **extra})
    assert "1,500 tensors not expected" in message
    assert "and 1,490 more" in message
    assert message.count("vision_model.extra") == 10


def test_a_missing_or_misshapen_expert_is_named() -> None:
    tensors = per_expert()
    del tensors[f"{MOE}.1.up_proj.weight"]
    del tensors[f"{MOE}.1.up_proj.weight_scale"]
    tensors[f"{MOE}.0.down_proj.weight"] = ((6, 8), FP8)  # [in, out]: turned
    message = refusal(tensors)
    assert f"{MOE}.1.up_proj.weight" in message
    assert f"{MOE}.0.down_proj.weight in model.safetensors has shape [6, 8] instead of [8, 6]" in message


def test_absurd_number_of_experts_is_refused_at_once() -> None:
    expected = {**SHAPES, f"{MOE}.down_proj": (2**48, 6, 8)}
    with pytest.raises(CheckpointError, match=r"experts\.2\.down_proj\.weight"):
        match(expected, FakeReader(per_expert()), SCHEME)


def test_fp8_without_scale_or_with_a_strange_one() -> None:
    tensors = per_expert()
    del tensors[f"{MOE}.0.gate_proj.weight_scale"]
    tensors[f"{MOE}.1.gate_proj.weight_scale"] = ((6, 2), torch.bfloat16)
    tensors[f"{MOE}.1.up_proj.weight_scale"] = ((6, 1), torch.uint8)
    message = refusal(tensors)
    assert f"missing in model.safetensors: {MOE}.0.gate_proj.weight_scale" in message
    assert f"{MOE}.1.gate_proj.weight_scale in model.safetensors has shape [6, 2] instead of [6, 1]" in message
    assert f"{MOE}.1.up_proj.weight_scale in model.safetensors has type uint8" in message


def test_a_scale_beside_an_unquantized_weight_is_unexpected() -> None:
    name = "language_model.model.layers.0.self_attn.q_proj.weight_scale"
    assert f"not expected: {name}" in refusal({**fused(), name: ((8, 1), torch.float32)})


def test_fp8_that_the_config_does_not_explain() -> None:
    assert "quantization_config" in refusal(per_expert(), scheme=None)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.float8_e5m2, torch.int64, torch.bool])
def test_weights_of_other_types(dtype: torch.dtype) -> None:
    name = "language_model.lm_head.weight"
    assert f"{name} in model.safetensors has type {str(dtype)[6:]}" in refusal({**fused(), name: ((30, 8), dtype)})


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        ("q_proj.weight_packed", "int4 (compressed-tensors pack-quantized)"),
        ("q_proj.input_scale", "static activation scales"),
        ("q_proj.weight_scale_2", "NVIDIA ModelOpt"),
        ("q_proj.weight.absmax", "bitsandbytes 4-bit"),
        ("q_proj.SCB", "bitsandbytes int8"),
        ("q_proj.qweight", "GPTQ or AWQ"),
        ("experts.gate_up_proj_scale", "fbgemm_fp8"),
        ("experts.gate_up_proj_blocks", "MXFP4"),
    ],
)
def test_tensors_that_give_a_foreign_format_away(suffix: str, words: str) -> None:
    name = f"language_model.model.layers.0.{suffix}"
    message = refusal({**fused(), name: ((1,), torch.uint8)})
    assert words in message
    assert name in message


def test_two_names_for_one_tensor() -> None:
    assert "not expected: lm_head.weight" in refusal({**fused(), "lm_head.weight": ((30, 8), torch.bfloat16)})
