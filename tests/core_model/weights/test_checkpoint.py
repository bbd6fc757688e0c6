from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from core_model.errors import CheckpointError
from core_model.weights import checkpoint as checkpoint_module
from core_model.weights.checkpoint import INDEX, Checkpoint
from tests.checkpoints import CheckpointShelf, read_tensors, write_checkpoint, write_tensors


@pytest.fixture
def sharded(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    folder = tmp_path / "sharded"
    shutil.copytree(checkpoint_shelf.folder("scout"), folder)
    write_tensors(folder, read_tensors(folder), num_shards=4)
    return folder


def edit_index(folder: Path, edit: Any) -> None:
    path = folder / INDEX
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def refusal(folder: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.open(folder)
    return caught.value


def test_reads_what_transformers_shards(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, "scout", max_shard_size="400KB", dtype=torch.bfloat16)
    assert (tmp_path / INDEX).exists()
    checkpoint = Checkpoint.open(tmp_path)
    tensors = read_tensors(tmp_path)
    assert len(checkpoint.files) > 2
    assert set(checkpoint.names()) == tensors.keys()
    assert sum(map(checkpoint.num_bytes, checkpoint.names())) == sum(tensor.nbytes for tensor in tensors.values())
    for name, tensor in tensors.items():
        assert checkpoint.dtype(name) == tensor.dtype == torch.bfloat16
        assert checkpoint.shape(name) == tensor.shape
        assert checkpoint.num_bytes(name) == tensor.nbytes
        assert torch.equal(checkpoint.get(name), tensor)
        assert (tmp_path / checkpoint.file_name(name)).is_file()


def test_nothing_is_mapped_before_a_tensor_is_asked_for(sharded: Path, maps: Any) -> None:
    checkpoint = Checkpoint.open(sharded)
    name = next(iter(checkpoint.names()))
    assert checkpoint.shape(name)
    assert maps(sharded) == []
    tensor = checkpoint.get(name)
    ((addresses, _),) = maps(sharded)  # one of four shards
    assert tensor.data_ptr() in addresses


def test_missing_shards_are_named_and_counted(sharded: Path) -> None:
    (sharded / "model-00002-of-00004.safetensors").unlink()
    (sharded / "model-00004-of-00004.safetensors").unlink()
    message = refusal(sharded).message
    assert "2 of 4 weight files are missing" in message
    assert "model-00002-of-00004.safetensors, model-00004-of-00004.safetensors" in message


def test_every_header_is_checked_before_anything_is_mapped(sharded: Path, maps: Any) -> None:
    last = sharded / "model-00004-of-00004.safetensors"
    last.write_bytes(last.read_bytes()[:-1])
    assert last.name in refusal(sharded).message
    assert maps(sharded) == []


@pytest.mark.parametrize(
    "name",
    [
        "../other/model.safetensors",
        "/etc/passwd",
        "/etc/x.safetensors",
        "C:\\secret.safetensors",
        "..\\x.safetensors",
        "sub/x.safetensors",
        "model.safetensors:stream.safetensors",
        "config.json",
        "a\0.safetensors",
        "..",
        "",
        7,
        None,
    ],
)
def test_index_may_only_name_files_beside_it(sharded: Path, name: Any) -> None:
    edit_index(sharded, lambda data: data["weight_map"].update({"language_model.lm_head.weight": name}))
    error = refusal(sharded)
    assert error.message.startswith(INDEX)
    assert "language_model.lm_head.weight" in error.message


@pytest.mark.parametrize("weight_map", [None, [], {}, "model.safetensors"])
def test_index_without_a_weight_map(sharded: Path, weight_map: Any) -> None:
    edit_index(sharded, lambda data: data.update(weight_map=weight_map))
    assert INDEX in refusal(sharded).message


def test_index_that_is_not_json(sharded: Path) -> None:
    (sharded / INDEX).write_bytes(b'{"weight_map": {')
    assert INDEX in refusal(sharded).message


def test_index_of_absurd_size_is_not_read(sharded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "MAX_JSON_BYTES", 1000)
    assert "larger than" in refusal(sharded).message


def test_index_and_shards_must_agree(sharded: Path) -> None:
    name, right, wrong = "language_model.lm_head.weight", "model-00001-of-00004", "model-00002-of-00004.safetensors"
    edit_index(sharded, lambda data: data["weight_map"].update({name: wrong}))
    message = refusal(sharded).message
    assert name in message
    assert right in message or wrong in message
    edit_index(sharded, lambda data: data["weight_map"].pop(name))
    message = refusal(sharded).message
    assert name in message
    assert right in message


def test_wrong_architecture(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> None:
    shutil.copytree(checkpoint_shelf.folder("scout"), tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text('{"model_type": "qwen3_moe"}', encoding="utf-8")
    error = refusal(tmp_path / "m")
    assert error.title == "Not a Llama 4 model"
    assert "qwen3_moe" in error.message


def test_missing_config(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> None:
    shutil.copytree(checkpoint_shelf.folder("scout"), tmp_path / "m")
    (tmp_path / "m" / "config.json").unlink()
    assert "config.json is missing" in refusal(tmp_path / "m").message
