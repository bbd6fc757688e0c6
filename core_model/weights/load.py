"""From a checkpoint to a model, tensor by tensor, with a stop between any two steps.

The model is built on the meta device, where its tensors have shapes and no memory; then each is replaced. On the CPU,
a tensor whose type is already right *is* the mapped file: nothing is copied, and a model larger than RAM opens. What
fits is asked for ahead (`read_ahead`), of the rest the system reads pages when they are used. Everything else, and
whatever lies on another machine (`file_watch`), is converted block by block into memory of its own, so the peak is the
finished model and one block. FP8 weights become `dtype` here (float32 product with the scale, then cast); per-expert
matrices are transposed and laid side by side in the fused tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from core_model.config import Llama4Config
from core_model.errors import CheckpointError, OutOfMemoryError
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, NoExperts
from core_model.types import LoadProgress, ShouldStop, never_stop
from core_model.weights.checkpoint import Checkpoint, TensorReader
from core_model.weights.file_watch import FileWatch, is_remote
from core_model.weights.keep_fp8 import keep_quantized, read_scales
from core_model.weights.match import ExpertMatrices, Kept, Matrix, Source, match, matrices
from core_model.weights.memory_errors import is_out_of_memory
from core_model.weights.name_map import FUSED_EXPERTS, is_ignored, model_name
from core_model.weights.read_ahead import ReadAhead
from core_model.weights.wording import short

T = TypeVar("T")

BLOCK_ELEMENTS = 2**22  # converted at once: 16 MiB in float32; between two blocks a load can be stopped
REPORT_BYTES = 2**26  # as stored; small tensors are not worth an event each


def load_llama4(path: Path, device: torch.device, dtype: torch.dtype) -> Llama4:
    """Load a whole checkpoint and return the model, in eval mode.

    Its parameters may be changed in memory; the files never are.

    Raises:
        CheckpointError: the folder is incomplete, damaged or of another architecture; names file and tensor.
        OutOfMemoryError: it does not fit.
    """
    model = run_to_end(load_steps(Checkpoint.open(path, writable=True), device, dtype))
    assert model is not None, "nobody stops this load"
    return model


def run_to_end(steps: Generator[object, None, T]) -> T:
    """What a generator returns, its events thrown away."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value


def load_steps(
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    should_stop: ShouldStop = never_stop,
    *,
    transpose_experts: bool = False,
    keep_fp8: bool = False,
    left_out: Collection[str] = (),
    in_ram: Collection[str] = (),
) -> Generator[LoadProgress, None, Llama4 | None]:
    """Load an opened checkpoint, with an event at every new file and at least every 100 MB of stored weights.

    Args:
        dtype: type of weights and arithmetic, a floating-point one.
        transpose_experts: lay each expert in memory as [out, in], as one-row products like it, which costs a copy; the
            tensors' shapes stay those of the checkpoint.
        keep_fp8: let weights that are stored as FP8 stay so; on the CPU they are then the mapped file.
        left_out: names of layers' experts that are not read; somebody else is their source (`MoE.source`).
        in_ram: names of tensors that stay in RAM whatever the device.

    Returns:
        The model in eval mode, or None when it was stopped; nothing of a stopped load stays behind.

    Raises:
        CheckpointError: tensors are missing, left over or of a wrong shape, before any is mapped; or a file changed.
        OutOfMemoryError: it does not fit.
    """
    assert dtype.is_floating_point, "weights are floating-point numbers"
    yield LoadProgress(0, 0, "Checking the tensors")
    with ReadAhead({name: checkpoint.extent(name) for name in _names_but(checkpoint, left_out)}) as ahead:
        model = build_on_meta(checkpoint.config)
        sources = _sources(model, checkpoint)
        if left_out:
            sources = _leave_out(model, sources, left_out)
        if keep_fp8:
            sources = keep_quantized(model, sources)
        tensors = yield from read_tensors(
            checkpoint, sources, device, dtype, should_stop, transpose_experts=transpose_experts,
            in_ram=in_ram, keep_views=not is_remote(checkpoint.folder), wait=ahead.wait,
        )  # fmt: skip
    if tensors is None:
        return None
    FileWatch({file.path: file.state for file in checkpoint.files}).look()  # what was copied before is not half new
    assign(model, tensors)
    return model.eval()


def _names_but(checkpoint: Checkpoint, left_out: Collection[str]) -> Iterator[str]:
    """In the order in which they lie in the files."""
    for name in checkpoint.names():
        layer, is_expert, _ = model_name(name).partition(".experts.")
        if not (is_expert and f"{layer}.experts" in left_out) and not is_ignored(name):
            yield name


def find_sources(checkpoint: Checkpoint) -> dict[str, Source]:
    """Where each tensor of the model comes from, as `load_steps` finds it. Reads nothing.

    Raises:
        CheckpointError: see `load_steps`.
    """
    return _sources(build_on_meta(checkpoint.config), checkpoint)


def _sources(model: Llama4, checkpoint: Checkpoint) -> dict[str, Source]:
    expected = {name: parameter.shape for name, parameter in model.named_parameters()}
    return match(expected, checkpoint, checkpoint.quantization)


def _leave_out(model: Llama4, sources: Mapping[str, Source], left_out: Collection[str]) -> dict[str, Source]:
    for name in left_out:
        moe = model.get_submodule(name.rpartition(".")[0])
        assert isinstance(moe, MoE), "only routed experts can be left out"
        moe.experts = NoExperts()
    return {name: source for name, source in sources.items() if name.rpartition(".")[0] not in left_out}


def build_on_meta(config: Llama4Config) -> Llama4:
    """The model with shapes and without memory.

    Raises:
        CheckpointError: the config's sizes are beyond what can be addressed.
    """
    try:
        with torch.device("meta"):
            return Llama4(config)
    except (RuntimeError, OverflowError) as error:
        raise CheckpointError(
            "Model not supported", f"config.json describes tensors of impossible size: {_first_line(error)}"
        ) from error


def read_tensors(
    reader: TensorReader,
    sources: Mapping[str, Source],
    device: torch.device,
    dtype: torch.dtype,
    should_stop: ShouldStop = never_stop,
    *,
    transpose_experts: bool = False,
    in_ram: Collection[str] = (),
    keep_views: bool = True,
    wait: Callable[[str, Callable[[], None]], None] = lambda *_: None,
) -> Generator[LoadProgress, None, dict[str, Tensor] | None]:
    """Read sources in the order in which they lie on disk.

    Args:
        keep_views: whether a tensor may be the mapped file.
        wait: until a tensor is on its way from the disk, looking at the stop meanwhile.

    Returns:
        Tensors by model name, or None when it was stopped.
    """
    meter = _Meter(reader, sources.values(), should_stop)
    position = {name: number for number, name in enumerate(reader.names())}
    tensors = {}
    try:
        for name, source in sorted(sources.items(), key=lambda item: position[matrices(item[1])[0].weight]):
            is_transposed = transpose_experts and FUSED_EXPERTS.match(name) is not None
            target = torch.device("cpu") if name in in_ram else device
            wanted = _Wanted(target, dtype, is_transposed, keep_views)
            for matrix in matrices(source):
                wait(matrix.weight, meter.check)
            tensors[name] = yield from _read(reader, source, wanted, meter)
    except _StoppedError:
        return None
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            "Not enough memory",
            f"The weights do not fit on {device}: {_first_line(error)}",
            "Close other programs, or open a smaller or a quantized model.",
        ) from error
    return tensors


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is made of a source."""

    device: torch.device
    dtype: torch.dtype
    is_transposed: bool
    may_be_view: bool


def _read(
    reader: TensorReader, source: Source, wanted: _Wanted, meter: _Meter
) -> Generator[LoadProgress, None, Tensor]:
    device, dtype = wanted.device, wanted.dtype
    if isinstance(source, Kept):
        yield from meter.advance(Matrix(source.weight), 1.0)
        return _kept(reader, source, wanted)
    if isinstance(source, Matrix):
        is_ready = device.type == "cpu" and reader.dtype(source.weight) == dtype and wanted.may_be_view
        if wanted.is_transposed:
            return (yield from _read_transposed(reader, source, device, dtype, meter))
        if is_ready:
            yield from meter.advance(source, 1.0)
            return reader.get(source.weight)
    tensor = _empty(_shape(reader, source), device, dtype, wanted.is_transposed)
    for matrix, target in _targets(source, tensor):
        for rows, block in _blocks(reader, matrix, device):
            _write(target[rows], block.to(dtype))
            yield from meter.advance(matrix, len(block) / len(target))
        reader.release(matrix.weight)
    return tensor


def _kept(reader: TensorReader, source: Kept, wanted: _Wanted) -> Tensor:
    if source.num_rows is not None:
        return read_scales(reader, source.weight).to(wanted.device).expand(source.num_rows).contiguous()
    tensor = reader.get(source.weight).to(wanted.device, source.dtype, copy=not wanted.may_be_view)
    if not wanted.may_be_view:
        reader.release(source.weight)
    return tensor


def _read_transposed(
    reader: TensorReader, source: Matrix, device: torch.device, dtype: torch.dtype, meter: _Meter
) -> Generator[LoadProgress, None, Tensor]:
    """A fused tensor [E, in, out] whose experts lie in memory as [out, in]."""
    tensor = _empty(reader.shape(source.weight), device, dtype, is_transposed=True)
    for target, stored in zip(tensor, reader.get(source.weight), strict=True):
        target.T.copy_(stored.to(device, dtype).T)
        yield from meter.advance(source, 1 / len(tensor))
    reader.release(source.weight)
    return tensor


def _empty(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype, is_transposed: bool) -> Tensor:
    if not is_transposed:
        return torch.empty(shape, device=device, dtype=dtype)
    return torch.empty(*shape[:-2], shape[-1], shape[-2], device=device, dtype=dtype).transpose(-2, -1)


def _shape(reader: TensorReader, source: Matrix | ExpertMatrices) -> tuple[int, ...]:
    if isinstance(source, Matrix):
        return reader.shape(source.weight)
    num_in = reader.shape(source.experts[0][0].weight)[1]
    return len(source.experts), num_in, sum(reader.shape(matrix.weight)[0] for matrix in source.experts[0])


def _targets(source: Matrix | ExpertMatrices, tensor: Tensor) -> Iterator[tuple[Matrix, Tensor]]:
    """Each piece of a source, and the view [out, in] of the tensor that it fills."""
    if isinstance(source, Matrix):
        yield source, tensor.view(-1, tensor.shape[-1])
        return
    for expert, parts in zip(tensor, source.experts, strict=True):  # [in, out] each
        yield from zip(parts, expert.T.chunk(len(parts)), strict=True)


def _blocks(reader: TensorReader, matrix: Matrix, device: torch.device) -> Iterator[tuple[slice, Tensor]]:
    """A stored tensor on the device, some rows at a time; quantized ones as float32 values."""
    weight = reader.get(matrix.weight)
    weight = weight.view(-1, weight.shape[-1])
    scale = None if matrix.scale is None else read_scales(reader, matrix.scale).to(device).view(-1, 1)
    num_rows = max(1, BLOCK_ELEMENTS // max(1, weight.shape[1]))
    for start in range(0, len(weight), num_rows):
        rows = slice(start, start + num_rows)
        block = weight[rows].to(device)
        if scale is not None:
            block = block.float().mul_(scale if len(scale) == 1 else scale[rows])
        yield rows, block


def _write(target: Tensor, block: Tensor) -> None:
    """Copy rows into a view. A transposed one gets a transposed copy: torch is quick only into contiguous memory."""
    if target.is_contiguous():
        target.copy_(block)
    else:
        target.T.copy_(block.T.contiguous())


def _first_line(error: Exception) -> str:
    return short((str(error) or type(error).__name__).partition("\n")[0])


class _StoppedError(Exception):
    """Somebody wants the load to end."""


class _Meter:
    """Counts stored bytes, says how far a load is, and looks at the stop."""

    def __init__(self, reader: TensorReader, sources: Iterable[Source], should_stop: ShouldStop) -> None:
        self._reader = reader
        self._should_stop = should_stop
        self._total = sum(self._size(matrix) for source in sources for matrix in matrices(source))
        self._done = 0.0
        self._reported = LoadProgress(0, self._total)

    def check(self) -> None:
        if self._should_stop():
            raise _StoppedError

    def _size(self, matrix: Matrix) -> int:
        scale = 0 if matrix.scale is None else self._reader.num_bytes(matrix.scale)
        return self._reader.num_bytes(matrix.weight) + scale

    def advance(self, matrix: Matrix, fraction: float) -> Iterator[LoadProgress]:
        """A part of a matrix is ready. Yields an event when a new file began, or much was read since the last one."""
        self.check()
        self._done += self._size(matrix) * fraction
        activity = f"Reading {self._reader.file_name(matrix.weight)}"
        done = min(round(self._done), self._total)
        is_news = activity != self._reported.activity or done == self._total
        if is_news or done - self._reported.bytes_done >= REPORT_BYTES:
            self._reported = LoadProgress(done, self._total, activity)
            yield self._reported


def assign(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Replace a model's parameters and buffers by these tensors, without a copy. What modules share stays shared."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    renewed = {old: nn.Parameter(tensors[name], old.requires_grad) for old, name in names.items()}
    for module in model.modules():
        for leaf, old in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            module.register_parameter(leaf, renewed[old])
    for prefix, module in model.named_modules():
        for leaf, _ in list(module.named_buffers(recurse=False)):
            module.register_buffer(leaf, tensors[f"{prefix}.{leaf}"])
