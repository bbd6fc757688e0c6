"""What people open by mistake, and what to tell them: other formats, half-downloaded folders, the folder next door.

Every entry is a mistake that is made often enough to deserve its own words. This module only explains; it is asked
once a folder or file has turned out not to be a checkpoint in the Hugging Face layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from core_model.errors import CheckpointError

_HF_LAYOUT = "a folder with config.json and model.safetensors, or model.safetensors.index.json and its shards"


class Words(NamedTuple):
    """What to say; `{name}` stands for the file."""

    title: str
    message: str
    hint: str


_LFS = Words(
    "Model not downloaded",
    "{name} is a Git LFS pointer, a note of some hundred bytes that stands for the real file.",
    "Run `git lfs pull` in the folder, or download the file itself.",
)
_GGUF = Words(
    "Format not supported",
    "{name} is a GGUF file, the format of llama.cpp. Altiplano reads safetensors.",
    "Download the original model in the Hugging Face layout: " + _HF_LAYOUT + ".",
)
_PICKLE = Words(
    "Format not supported",
    "{name} holds weights as a Python pickle, which can run code when it is opened. Altiplano reads safetensors only.",
    "Download the same model in the Hugging Face layout: " + _HF_LAYOUT + ".",
)
_META = Words(
    "Format not supported",
    "{name} belongs to Meta's original format (consolidated .pth files and params.json).",
    "Download the same model without the suffix -Original: " + _HF_LAYOUT + ".",
)
_WEB_PAGE = Words(
    "Model not downloaded",
    "{name} is a web page, not weights. The server probably answered with a log-in or an error page.",
    "Accept the licence on the model's page, log in, and download the file again.",
)
_ADAPTER = Words(
    "Not a whole model",
    "{name} is an adapter (LoRA), which only changes another model.",
    "Open the folder of the model that it was made for.",
)
_EMPTY_FILE = Words("Model not downloaded", "{name} is empty.", "Download this file again.")

MAGIC = (  # how files begin that people take for safetensors
    (b"version https://git-lfs", _LFS),
    (b"GGUF", _GGUF),
    (b"PK\x03\x04", _PICKLE),
    (b"\x80\x02", _PICKLE),
    (b"<!doctype", _WEB_PAGE),
    (b"<html", _WEB_PAGE),
)

FOLDER_CONTENTS = (  # the first pattern that finds a file explains the folder
    ("*.gguf", _GGUF),
    ("consolidated*.pth", _META),
    ("params.json", _META),
    ("adapter_*.safetensors", _ADAPTER),
    ("*.pth", _PICKLE),
    ("pytorch_model*.bin", _PICKLE),
    ("*.pt", _PICKLE),
)


def check_magic(path: Path, head: bytes) -> None:
    """Refuse a file by its first bytes, if they are those of something well known. For files that are no safetensors:
    two bytes alone may also be the length of a good header.

    Raises:
        CheckpointError: with the words for what the file is.
    """
    if not head:
        raise _error(_EMPTY_FILE, path)
    for magic, words in MAGIC:
        if head.lower().startswith(magic.lower()):
            raise _error(words, path)


def explain_no_folder(path: Path) -> CheckpointError:
    """The error for a path that is not a folder."""
    if not path.exists():
        hint = "It was moved, renamed or deleted: open another model folder."
        return CheckpointError("Model not found", f"There is no folder {path}.", hint)
    for pattern, words in FOLDER_CONTENTS:
        if path.match(pattern):
            return _error(words, path)
    return CheckpointError(
        "Choose a folder", f"{path.name} is a file; a model is a folder.", f"Open the folder {path.parent}."
    )


def explain_no_weights(folder: Path) -> CheckpointError:
    """The error for a folder that holds no weights where they should be."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        return CheckpointError("Model unreadable", f"The folder {folder} cannot be read: {error.strerror}.")
    for pattern, words in FOLDER_CONTENTS:
        for entry in entries:
            if entry.is_file() and entry.match(pattern):
                return _error(words, entry)
    if not any(entry.is_file() for entry in entries):
        return _explain_no_files(folder, is_empty=not entries)
    if any(entry.match("*.safetensors") for entry in entries):
        return CheckpointError(
            "Model incomplete",
            f"{folder.name} holds safetensors files, but neither model.safetensors nor model.safetensors.index.json.",
            "Download the missing files; the index says which tensor is in which file.",
        )
    return CheckpointError(
        "Not a model", f"{folder.name} holds no weights.", f"Open a model in the Hugging Face layout: {_HF_LAYOUT}."
    )


def _explain_no_files(folder: Path, *, is_empty: bool) -> CheckpointError:
    """Folders only: most often the cache of a download, whose real folder lies deeper."""
    for pattern in ("*/config.json", "snapshots/*/config.json", "*/snapshots/*/config.json"):
        for config in sorted(folder.glob(pattern)):
            return CheckpointError(
                "Not a model", f"{folder.name} holds no model itself.", f"Open the folder {config.parent}."
            )
    what = "is empty" if is_empty else "holds no files"
    return CheckpointError(
        "Not a model", f"{folder.name} {what}.", f"Open a model in the Hugging Face layout: {_HF_LAYOUT}."
    )


def _error(words: Words, path: Path) -> CheckpointError:
    return CheckpointError(words.title, words.message.format(name=path.name), words.hint)
