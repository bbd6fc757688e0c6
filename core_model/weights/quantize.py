"""Quantizes a checkpoint to FP8, file by file, in memory that does not depend on its size.

A file is written beside its final name, header first, and renamed when it is complete and on the disk; its errors are
noted in a small file of their own. So a kill costs one file, and the same call goes on where it was, after looking
whether the source and the settings are still the same. At the end the result is opened as any checkpoint is and every
tensor matched with the model, and the errors are put together, layer by layer, beside the weights.

Reading, rounding and writing go on at the same time (`quantize_stream`).
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core_model.config import Json, read_json
from core_model.errors import RequestError
from core_model.types import ShouldStop, never_stop
from core_model.weights.checkpoint import INDEX, Checkpoint
from core_model.weights.file_writer import FileWriter
from core_model.weights.fp8 import RowErrors
from core_model.weights.load import build_on_meta
from core_model.weights.match import match
from core_model.weights.quantize_plan import (
    Scheme,
    Shard,
    index_of,
    plan_outputs,
    plan_shards,
    quantized_config,
)
from core_model.weights.quantize_stream import QuantizeStream

REPORT = "quantization_errors.json"
JOURNAL = ".quantize"  # folder inside the target while work is going on
DEFAULT_SHARD_BYTES = 5_000_000_000
EXPERT_NUMBER = re.compile(r"experts\.\d+\.")
SPARE_BYTES = 100_000_000  # that must stay free on the disk


@dataclass(frozen=True, slots=True)
class QuantizeProgress:
    """Bytes of the result that are on the disk, of all."""

    bytes_done: int
    bytes_total: int
    file_name: str


def quantize_checkpoint(
    source: Path,
    target: Path,
    scheme: Scheme = Scheme.LINEARS,
    shard_bytes: int = DEFAULT_SHARD_BYTES,
    should_stop: ShouldStop = never_stop,
) -> Generator[QuantizeProgress, None, bool]:
    """Write an FP8 copy of a checkpoint.

    Args:
        target: a new or empty folder, or one in which the same call was interrupted.

    Returns:
        Whether it is complete; False when it was stopped. Calling again goes on.

    Raises:
        CheckpointError: the source cannot be read, is quantized already, or holds numbers that are not finite.
        RequestError: the target is in use, or the disk has not enough room.
    """
    checkpoint = Checkpoint.open(source)
    shards = plan_shards(list(plan_outputs(checkpoint, scheme)), shard_bytes)
    journal = _open_journal(checkpoint, target, shards)
    total = sum(shard.num_bytes for shard in shards)
    done = sum(shard.num_bytes for shard in shards if _is_done(target, journal, shard))
    _check_room(target, total - done)
    todo = [shard for shard in shards if not _is_done(target, journal, shard)]
    with closing(QuantizeStream(checkpoint, todo)) as stream:
        for shard in todo:
            yield QuantizeProgress(done, total, shard.file_name)
            for num_bytes in _write_shard(stream, target, journal, shard):
                yield QuantizeProgress(done + num_bytes, total, shard.file_name)
                if should_stop():
                    return False
            done += shard.num_bytes
    _finish(checkpoint, target, journal, shards, scheme)
    yield QuantizeProgress(total, total, shards[-1].file_name)
    return True


def _open_journal(checkpoint: Checkpoint, target: Path, shards: tuple[Shard, ...]) -> Path:
    """The folder of notes about what is done; made when the target is new.

    Raises:
        RequestError: the target holds something else, or was begun from another source or with other settings.
    """
    journal = target / JOURNAL
    plan = journal / "plan.json"
    fingerprint = _fingerprint(checkpoint, shards)
    if plan.is_file():
        if read_json(plan).get("fingerprint") != fingerprint:
            raise RequestError(
                "Another quantization was begun here",
                f"{target} holds parts of a result with another source or other settings.",
                "Use the same source and settings again, or choose an empty folder.",
            )
        return journal
    if target.exists() and (not target.is_dir() or any(path != journal for path in target.iterdir())):
        raise RequestError("Folder in use", f"{target} is not empty.", "Choose a new folder for the quantized model.")
    journal.mkdir(parents=True, exist_ok=True)  # a kill may have come before the plan was written
    _write_json(plan, {"fingerprint": fingerprint})
    return journal


def _fingerprint(checkpoint: Checkpoint, shards: tuple[Shard, ...]) -> str:
    """What the source's files and the planned files look like from outside, in a few letters."""
    content = hashlib.sha256()
    for file in checkpoint.files:
        content.update(f"{file.path.name} {file.size} {file.path.stat().st_mtime_ns}\n".encode())
    for shard in shards:
        content.update(shard.header())
    return content.hexdigest()


def _is_done(target: Path, journal: Path, shard: Shard) -> bool:
    path = target / shard.file_name
    return (journal / f"{shard.file_name}.json").is_file() and path.is_file() and path.stat().st_size == shard.num_bytes


def _check_room(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target).free
    if free < needed + SPARE_BYTES:
        raise RequestError(
            "Not enough room on the disk",
            f"The rest of the quantized model needs {needed / 1e9:,.1f} GB; {free / 1e9:,.1f} GB are free at {target}.",
            "Make room, or choose a folder on another disk.",
        )


def _write_shard(stream: QuantizeStream, target: Path, journal: Path, shard: Shard) -> Iterator[int]:
    """Write one file and its errors. Yields how many of its bytes are written."""
    path = target / shard.file_name
    part = path.with_name(path.name + ".part")
    file = FileWriter(part)
    try:
        file.put(np.frombuffer(shard.header(), dtype=np.uint8))
        for _ in stream.write(shard, file):
            yield file.num_written
        file.finish()
    finally:
        file.close()
    part.replace(path)
    errors = {name: asdict(error) for name, error in stream.errors.items()}
    _write_json(journal / f"{shard.file_name}.json", errors)


def _finish(checkpoint: Checkpoint, target: Path, journal: Path, shards: tuple[Shard, ...], scheme: Scheme) -> None:
    """Write everything beside the weights, and open the result as any checkpoint is opened.

    Raises:
        CheckpointError: the result is not what it should be.
    """
    for file in checkpoint.folder.iterdir():
        if file.is_file() and file.suffix not in (".safetensors", ".bin", ".pth") and file.name != INDEX:
            shutil.copyfile(file, target / file.name)
    if len(shards) > 1:
        _write_json(target / INDEX, index_of(shards))
    _write_json(target / "config.json", quantized_config(read_json(checkpoint.folder / "config.json"), scheme))
    _write_json(target / REPORT, _report(journal, shards, scheme))
    written = Checkpoint.open(target)
    expected = {name: parameter.shape for name, parameter in build_on_meta(written.config).named_parameters()}
    match(expected, written, written.quantization)
    done = journal.replace(journal.with_suffix(".done"))  # at once: half a journal would be taken for half a result
    shutil.rmtree(done)


def _report(journal: Path, shards: tuple[Shard, ...], scheme: Scheme) -> Json:
    """What quantizing cost, for each layer's matrices of one name, all experts together."""
    sums: dict[str, RowErrors] = {}
    for shard in shards:
        for name, fields in read_json(journal / f"{shard.file_name}.json").items():
            kind = EXPERT_NUMBER.sub("experts.*.", name.removesuffix(".weight"))
            sums[kind] = sums.get(kind, RowErrors()) + RowErrors(**fields)
    rows = {
        kind: {
            "weights": error.num_weights,
            "relative_rms_error": round(error.relative, 6),
            "largest_error": round(error.largest_error, 6),
        }
        for kind, error in sums.items()
    }
    return {"scheme": scheme.value, "format": "float8_e4m3fn, one bf16 scale a row", "layers": rows}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    aside = path.with_name(path.name + ".new")
    aside.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8", newline="\n")
    aside.replace(path)
