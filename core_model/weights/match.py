"""Where each of the model's tensors comes from, settled by names, shapes and types before anything is mapped.

The model says what it needs (`dict` of name and shape); the file says what it has. Either a tensor is there as it is,
or, for fused experts, as one matrix per expert. A matrix stored as float8 must have a scale beside it: that, and not
its name, makes it quantized. Whatever is missing, left over or of the wrong shape is collected into one error, so
nobody repairs a checkpoint one message at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from core_model.errors import CheckpointError
from core_model.weights.checkpoint import TensorReader
from core_model.weights.name_map import HEAD, SCALE_SUFFIX, expert_weights, is_ignored, model_name
from core_model.weights.quantization import FOREIGN_SUFFIXES, Fp8Scheme, unsupported
from core_model.weights.wording import list_phrases, short

FP8 = torch.float8_e4m3fn
PLAIN_DTYPES = frozenset({torch.float64, torch.float32, torch.float16, torch.bfloat16})


@dataclass(frozen=True, slots=True)
class Matrix:
    """A tensor under its name in the file; quantized when it has a scale, and then [out, in]."""

    weight: str
    scale: str | None = None


@dataclass(frozen=True, slots=True)
class ExpertMatrices:
    """The pieces of a fused tensor [E, in, out]: for each expert, matrices [out, in] whose columns lie side by side."""

    experts: tuple[tuple[Matrix, ...], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor that is taken as it is stored, codes or their scales."""

    weight: str
    dtype: torch.dtype
    num_rows: int | None = None  # of a scale: flattened to one number for each, also where one holds for all


Source = Matrix | ExpertMatrices | Kept


def match(
    expected: Mapping[str, Sequence[int]], reader: TensorReader, scheme: Fp8Scheme | None = None
) -> dict[str, Source]:
    """Find a source for every tensor that the model needs, and a use for every tensor that the file has.

    Args:
        expected: shapes by model name. A tied output head is left out; a copy of it in the file is then ignored.
        scheme: what the config says about quantized weights.

    Raises:
        CheckpointError: tensors are missing, unexpected or of the wrong shape or type; names the first ten of each
            and their files. Or the weights are stored in a format that is not read here, which is named.
    """
    _refuse_foreign(reader)
    search = _Search(reader)
    sources = {name: search.find(name, tuple(shape)) for name, shape in expected.items()}
    search.check()
    if scheme is None and any(matrix.scale for source in sources.values() for matrix in matrices(source)):
        raise unsupported("FP8 with no quantization_config in config.json that says what the scales mean")
    return sources


def matrices(source: Source) -> tuple[Matrix, ...]:
    """All pieces of a source, in order."""
    if isinstance(source, Matrix):
        return (source,)
    if isinstance(source, Kept):
        return (Matrix(source.weight),)
    return tuple(matrix for parts in source.experts for matrix in parts)


def _refuse_foreign(reader: TensorReader) -> None:
    for name in reader.names():
        for suffix, label in FOREIGN_SUFFIXES.items():
            if name.endswith(suffix):
                raise unsupported(f"{label} (tensor {short(name)} in {reader.file_name(name)})")


@dataclass(slots=True)
class _Search:
    """One matching in progress: what the file has by model name, what was used, what is wrong."""

    reader: TensorReader
    available: dict[str, str] = field(init=False, default_factory=dict)  # model name to file name
    used: set[str] = field(init=False, default_factory=set)
    missing: list[str] = field(init=False, default_factory=list)
    unexpected: list[str] = field(init=False, default_factory=list)
    wrong: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        for name in self.reader.names():
            if is_ignored(name):
                continue
            if self.available.setdefault(model_name(name), name) != name:  # two names for one tensor
                self.unexpected.append(name)

    def find(self, name: str, shape: tuple[int, ...]) -> Source:
        """The source of one tensor; problems are noted, and a placeholder is returned."""
        if name in self.available or not self._has_experts(name):
            return self._matrix(name, shape)
        num_experts, num_in, num_out = shape
        num_experts = min(num_experts, len(self.available) + 1)  # an absurd config costs no more than the file is large
        parts = [expert_weights(name, expert) or () for expert in range(num_experts)]
        return ExpertMatrices(
            tuple(tuple(self._matrix(part, (num_out // len(names), num_in)) for part in names) for names in parts)
        )

    def _has_experts(self, name: str) -> bool:
        """Whether a fused tensor is there in pieces; the first expert stands for all."""
        return any(part in self.available for part in expert_weights(name, 0) or ())

    def _matrix(self, name: str, shape: tuple[int, ...]) -> Matrix:
        stored = self.available.get(name)
        if stored is None:
            self.missing.append(name)
            return Matrix(name)
        self.used.add(name)
        self._check_shape(stored, shape)
        dtype = self.reader.dtype(stored)
        if dtype == FP8:
            return Matrix(stored, self._scale(name, shape))
        if dtype not in PLAIN_DTYPES:
            self._note(stored, f"type {str(dtype).removeprefix('torch.')}")
        return Matrix(stored)

    def _scale(self, name: str, shape: tuple[int, ...]) -> str | None:
        scale = self.available.get(name + SCALE_SUFFIX)
        if scale is None or len(shape) != 2:
            self.missing.append(name + SCALE_SUFFIX)
            return None
        self.used.add(name + SCALE_SUFFIX)
        self._check_shape(scale, (shape[0], 1), (shape[0],), (1, 1), (1,), ())
        if self.reader.dtype(scale) not in PLAIN_DTYPES:
            self._note(scale, f"type {str(self.reader.dtype(scale)).removeprefix('torch.')}")
        return scale

    def _check_shape(self, stored: str, expected: tuple[int, ...], *also: tuple[int, ...]) -> None:
        shape = self.reader.shape(stored)
        if shape != expected and shape not in also:
            self._note(stored, f"shape {list(shape)} instead of {list(expected)}")

    def _note(self, stored: str, what: str) -> None:
        self.wrong.append(f"{short(stored)} in {self.reader.file_name(stored)} has {what}")

    def check(self) -> None:
        """Raise one error for everything that was noted."""
        left = self.available.keys() - self.used - {HEAD}  # not asked for: tied, and the file has a copy
        self.unexpected += [stored for name, stored in self.available.items() if name in left]
        sentences = [
            f"{len(problems):,} {'tensor' if len(problems) == 1 else 'tensors'} {what}: {list_phrases(problems)}."
            for what, problems in (
                (f"missing in {self._where()}", [short(name) for name in self.missing]),
                ("not expected", [f"{short(name)} in {self.reader.file_name(name)}" for name in self.unexpected]),
                ("wrong", self.wrong),
            )
            if problems
        ]
        if sentences:
            raise CheckpointError(
                "Model incomplete" if not self.unexpected and not self.wrong else "Weights do not fit the config",
                " ".join(sentences),
                "config.json and the weight files must be of the same model; download them together.",
            )

    def _where(self) -> str:
        files = {self.reader.file_name(name) for name in self.reader.names()}
        return next(iter(files)) if len(files) == 1 else f"all {len(files)} weight files"
