from __future__ import annotations

from pathlib import Path

import pytest

from core_model.errors import CheckpointError
from core_model.weights.checkpoint import Checkpoint

LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:172c9eb4beafc72601690da3ccfcede5c2e6806a8d5ec1fca33e22acea8023a4\nsize 4998786600\n"
)


def fill(folder: Path, *names: str, content: bytes = b"x") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def refusal(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.open(path)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("llama-4-scout-Q4_K_M.gguf", "README.md"), "llama-4-scout-Q4_K_M.gguf is a GGUF file"),
        (("consolidated.00.pth", "params.json", "tokenizer.model"), "consolidated.00.pth belongs to Meta's original"),
        (("config.json", "pytorch_model-00001-of-00002.bin"), "pytorch_model-00001-of-00002.bin holds weights as a"),
        (("adapter_config.json", "adapter_model.safetensors"), "adapter_model.safetensors is an adapter"),
        (("config.json", "model-00001-of-00050.safetensors"), "neither model.safetensors nor"),
        (("notes.txt",), "holds no weights"),
    ],
)
def test_folders_of_other_formats(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    assert words in refusal(fill(tmp_path / "folder", *names)).message


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert "nothing is empty" in refusal(tmp_path / "nothing").message


def test_folder_above_the_model_names_the_right_one(tmp_path: Path) -> None:
    cache = fill(tmp_path / "models--meta-llama--Scout", "snapshots/92f3b15/config.json", "blobs/172c9")
    assert str(cache / "snapshots" / "92f3b15") in refusal(cache).hint
    assert str(cache / "snapshots" / "92f3b15") in refusal(tmp_path).hint


def test_missing_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone").title == "Model not found"


@pytest.mark.parametrize(
    ("name", "words"), [("scout.gguf", "GGUF"), ("consolidated.00.pth", "Meta's"), ("model.safetensors", "a file")]
)
def test_a_file_instead_of_a_folder(tmp_path: Path, name: str, words: str) -> None:
    assert words in refusal(fill(tmp_path, name) / name).message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LFS_POINTER, "is a Git LFS pointer"),
        (b"GGUF\x03\x00\x00\x00" + bytes(60), "is a GGUF file"),
        (b"PK\x03\x04\x00\x00\x08\x08" + bytes(60), "Python pickle"),
        (b"\x80\x02}q\x00X\x05\x00" + bytes(60), "Python pickle"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"", "is empty"),
        (b"abc", "no header fits into its 3 bytes"),
        (b"something else altogether, of no known kind", "it has no header"),
    ],
)
def test_weight_files_that_are_something_else(
    tmp_path: Path, content: bytes, words: str, checkpoint_shelf: object
) -> None:
    fill(tmp_path, "model.safetensors", content=content)
    config = checkpoint_shelf.folder("scout") / "config.json"  # type: ignore[attr-defined]
    (tmp_path / "config.json").write_bytes(config.read_bytes())
    error = refusal(tmp_path)
    assert "model.safetensors" in error.message
    assert words in error.message
