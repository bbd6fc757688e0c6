from __future__ import annotations

import gc
import json
import os
import random
import shutil
from collections.abc import Generator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from safetensors.torch import load_file

from core_model import load_model
from core_model.errors import CheckpointError, OutOfMemoryError
from core_model.types import LoadProgress
from core_model.weights import load
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import build_on_meta, load_llama4, load_steps, read_tensors
from core_model.weights.match import Source, match
from tests.checkpoints import CheckpointShelf, write_checkpoint, write_tensors
from tests.checkpoints import read_tensors as library_tensors

CPU = torch.device("cpu")


Result = TypeVar("Result")


def finish(steps: Generator[LoadProgress, None, Result]) -> tuple[list[LoadProgress], Result]:
    """All events of a generator, and what it returned."""
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            return events, end.value


def open_and_match(folder: Path) -> tuple[Checkpoint, dict[str, Source]]:
    checkpoint = Checkpoint.open(folder)
    expected = {name: parameter.shape for name, parameter in build_on_meta(checkpoint.config).named_parameters()}
    return checkpoint, match(expected, checkpoint)


def state(model: Any) -> dict[str, torch.Tensor]:
    """Parameters under their names inside our model, tied ones once."""
    prefix = "" if hasattr(model, "language_model") else "language_model."
    return {prefix + name: parameter.detach() for name, parameter in model.named_parameters()}


@pytest.fixture
def copy(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    """A checkpoint to damage."""
    shutil.copytree(checkpoint_shelf.folder("scout"), tmp_path / "copy")
    return tmp_path / "copy"


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_llama4(folder, CPU, torch.float32)
    return caught.value.message


@pytest.mark.parametrize("variant", ["scout", "maverick", "text_only", "no_experts", "some_moe_layers", "tied"])
def test_every_parameter_is_that_of_transformers(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    ours = state(load_model(checkpoint_shelf.folder(variant)))
    theirs = state(checkpoint_shelf.model(variant))
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_logits_are_those_of_transformers(checkpoint_shelf: CheckpointShelf) -> None:
    ids = torch.randint(3, 298, (30,), generator=torch.Generator().manual_seed(1))
    logits = load_model(checkpoint_shelf.folder("maverick")).logits(ids)
    assert torch.allclose(logits, checkpoint_shelf.model("maverick")(ids[None]).logits[0], atol=1e-4)


def test_golden_checkpoints(pytestconfig: pytest.Config) -> None:
    """These folders also hold inputs and outputs in a safetensors file, which must not be taken for weights."""
    golden = pytestconfig.rootpath / ".." / "shared" / "data" / "golden"
    if not golden.exists():
        pytest.skip("the reference data is not there")
    for variant in ("scout_like", "maverick_like"):
        io = load_file(golden / variant / "io.safetensors")
        logits = load_model(golden / variant).logits(io["text_ids"][0])
        assert torch.allclose(logits, io["text_logits"][0], atol=1e-4)


def test_tied_embeddings_stay_one_parameter(checkpoint_shelf: CheckpointShelf) -> None:
    model = load_model(checkpoint_shelf.folder("tied"))
    assert model.language_model.lm_head.weight is model.language_model.model.embed_tokens.weight


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_conversion_rounds_as_torch_does(checkpoint_shelf: CheckpointShelf, dtype: torch.dtype) -> None:
    model = load_llama4(checkpoint_shelf.folder("scout"), CPU, dtype)
    for name, tensor in state(checkpoint_shelf.model("scout")).items():
        assert torch.equal(state(model)[name], tensor.to(dtype)), name


def test_conversion_in_small_blocks(checkpoint_shelf: CheckpointShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "BLOCK_ELEMENTS", 500)  # seven rows of 64; no tensor is a multiple of that
    model = load_llama4(checkpoint_shelf.folder("scout"), CPU, torch.bfloat16)
    for name, tensor in state(checkpoint_shelf.model("scout")).items():
        assert torch.equal(state(model)[name], tensor.bfloat16()), name


def test_matching_types_are_the_mapped_file(checkpoint_shelf: CheckpointShelf, maps: Any) -> None:
    folder = checkpoint_shelf.folder("scout")
    _, model = finish(load_steps(Checkpoint.open(folder), CPU, torch.float32))
    assert model is not None
    ranges = [addresses for addresses, _ in maps(folder)]
    for name, parameter in model.named_parameters():
        assert any(parameter.data_ptr() in addresses for addresses in ranges), name
    assert all(permissions.startswith("r--") for _, permissions in maps(folder))


def test_matching_types_share_memory_with_the_reader(checkpoint_shelf: CheckpointShelf) -> None:
    """The same without Linux: the tensors of a load are the reader's own."""
    checkpoint, sources = open_and_match(checkpoint_shelf.folder("scout"))
    _, tensors = finish(read_tensors(checkpoint, sources, CPU, torch.float32))
    assert tensors is not None
    for name, tensor in tensors.items():
        assert tensor.data_ptr() == checkpoint.get(name).data_ptr()


def test_parameters_of_load_model_may_be_changed_and_files_stay(copy: Path) -> None:
    before = (copy / "model.safetensors").read_bytes()
    model = load_model(copy)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert model.logits([5, 6]).abs().max() == 0
    assert (copy / "model.safetensors").read_bytes() == before


def test_model_is_in_eval_mode_and_wholly_on_the_device(checkpoint_shelf: CheckpointShelf) -> None:
    model = load_model(checkpoint_shelf.folder("scout"))
    assert not model.training
    tensors = [*model.parameters(), *model.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}


def test_progress_names_shards_in_order_and_ends_at_the_total(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "REPORT_BYTES", 20_000)
    monkeypatch.setattr(load, "BLOCK_ELEMENTS", 1000)
    shutil.copytree(checkpoint_shelf.folder("scout"), tmp_path / "m")
    write_tensors(tmp_path / "m", library_tensors(tmp_path / "m"), num_shards=3)
    events, model = finish(load_steps(Checkpoint.open(tmp_path / "m"), CPU, torch.bfloat16))
    assert model is not None
    assert events[0].activity == "Checking the tensors"
    names = list(dict.fromkeys(event.activity for event in events[1:]))
    assert names == [f"Reading model-0000{shard}-of-00003.safetensors" for shard in (1, 2, 3)]
    done = [event.bytes_done for event in events[1:]]
    assert done == sorted(done)
    assert done[-1] == events[-1].bytes_total == sum(t.nbytes for t in library_tensors(tmp_path / "m").values())
    assert max(b - a for a, b in pairwise(done)) < 30_000
    assert len(events) > 50


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_stop_at_any_moment_leaves_nothing(
    checkpoint_shelf: CheckpointShelf, dtype: torch.dtype, maps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fadvise", raising=False)  # how often a wait looks at the stop is the disk's business
    folder = tmp_path / "own"
    shutil.copytree(checkpoint_shelf.folder("text_only"), folder)
    calls = 0

    def stop_after(limit: int) -> bool:
        nonlocal calls
        calls += 1
        return calls > limit

    _, model = finish(load_steps(Checkpoint.open(folder), CPU, dtype, partial(stop_after, 10**9)))
    num_calls, model = calls, None
    assert num_calls >= 40  # once a tensor
    for limit in (0, 1, num_calls // 2, num_calls - 1):
        calls = 0
        _, model = finish(load_steps(Checkpoint.open(folder), CPU, dtype, partial(stop_after, limit)))
        assert model is None
        assert calls == limit + 1
        gc.collect()
        assert maps(folder) == []


def test_closing_a_load_leaves_nothing(checkpoint_shelf: CheckpointShelf, maps: Any, tmp_path: Path) -> None:
    shutil.copytree(checkpoint_shelf.folder("text_only"), tmp_path / "own")
    steps = load_steps(Checkpoint.open(tmp_path / "own"), CPU, torch.float32)
    next(steps)
    next(steps)
    steps.close()
    del steps
    gc.collect()
    assert maps(tmp_path / "own") == []


def test_out_of_memory_has_words(checkpoint_shelf: CheckpointShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 21474836480 bytes.")

    steps = read_tensors(*open_and_match(checkpoint_shelf.folder("text_only")), CPU, torch.bfloat16)
    monkeypatch.setattr(torch, "empty", refuse)
    with pytest.raises(OutOfMemoryError, match=r"do not fit on cpu: .* 21474836480 bytes"):
        finish(steps)


def test_other_errors_are_not_taken_for_a_lack_of_memory(
    checkpoint_shelf: CheckpointShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> torch.Tensor:
        raise RuntimeError("No CUDA GPUs are available")

    steps = read_tensors(*open_and_match(checkpoint_shelf.folder("text_only")), CPU, torch.bfloat16)
    monkeypatch.setattr(torch, "empty", refuse)
    with pytest.raises(RuntimeError, match="No CUDA"):
        finish(steps)


def test_missing_tensor(copy: Path) -> None:
    tensors = library_tensors(copy)
    del tensors["language_model.model.layers.2.self_attn.k_proj.weight"]
    write_tensors(copy, tensors)
    message = refusal(copy)
    assert "1 tensor missing in model.safetensors: language_model.model.layers.2.self_attn.k_proj.weight" in message


def test_unexpected_tensor(copy: Path) -> None:
    tensors = library_tensors(copy)
    tensors["language_model.model.layers.9.self_attn.k_proj.weight"] = torch.zeros(2)
    write_tensors(copy, tensors)
    message = refusal(copy)
    assert (
        "1 tensor not expected: language_model.model.layers.9.self_attn.k_proj.weight in model.safetensors" in message
    )


def test_wrong_shape(copy: Path) -> None:
    tensors = library_tensors(copy)
    tensors["multi_modal_projector.linear_1.weight"] = torch.zeros(48, 64)
    write_tensors(copy, tensors)
    message = refusal(copy)
    assert (
        "multi_modal_projector.linear_1.weight in model.safetensors has shape [48, 64] instead of [64, 48]" in message
    )


def test_config_of_another_size(copy: Path) -> None:
    data = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    data["text_config"]["vocab_size"] = 512
    (copy / "config.json").write_text(json.dumps(data), encoding="utf-8")
    message = refusal(copy)
    assert "2 tensors wrong" in message
    assert "language_model.lm_head.weight in model.safetensors has shape [300, 64] instead of [512, 64]" in message


def test_config_of_impossible_size(copy: Path) -> None:
    data = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    data["text_config"].update(vocab_size=2**47, hidden_size=2**47)
    (copy / "config.json").write_text(json.dumps(data), encoding="utf-8")
    assert "impossible size" in refusal(copy)


def test_truncated_anywhere(copy: Path) -> None:
    path = copy / "model.safetensors"
    whole = path.read_bytes()
    rng = random.Random(7)
    header_end = 8 + int.from_bytes(whole[:8], "little")
    lengths = [0, 7, 8, 9, header_end - 1, header_end, header_end + 1, len(whole) - 1]
    lengths += [rng.randrange(len(whole)) for _ in range(40)] + [rng.randrange(header_end) for _ in range(20)]
    for length in lengths:
        path.write_bytes(whole[:length])
        assert "model.safetensors" in refusal(copy), length


def test_flipped_bits_in_the_header_never_pass_unnoticed(copy: Path) -> None:
    """A flip is refused, or hits the free-form metadata or the order of blanks, and every weight is as before."""
    path = copy / "model.safetensors"
    whole = path.read_bytes()
    expected = {name: tensor.clone() for name, tensor in library_tensors(copy).items()}
    rng = random.Random(11)
    header_end = 8 + int.from_bytes(whole[:8], "little")
    messages = []
    for _ in range(150):
        data = bytearray(whole)
        data[rng.randrange(header_end)] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        try:
            model = load_llama4(copy, CPU, torch.float32)
        except CheckpointError as error:
            messages.append(error.message)
            continue
        assert all(torch.equal(tensor, expected[name]) for name, tensor in state(model).items())
        del model  # a mapped file cannot be written on Windows
        gc.collect()
    assert len(messages) > 140
    assert all("model.safetensors" in message for message in messages)


def test_bf16_file_loads_in_its_own_type_without_a_copy(tmp_path: Path, maps: Any) -> None:
    reference = write_checkpoint(tmp_path / "m", "text_only", dtype=torch.bfloat16, max_shard_size="300KB")
    model = load_model(tmp_path / "m", dtype=torch.bfloat16)
    for name, tensor in state(reference).items():
        assert torch.equal(state(model)[name], tensor)
    ranges = [addresses for addresses, _ in maps(tmp_path / "m")]
    assert all(any(p.data_ptr() in addresses for addresses in ranges) for p in model.parameters())
