"""The vocabulary that front ends and model share: requests in, events out. Frozen, plain, picklable; no torch.

A stream is a generator of events. Loading ends with exactly one `LoadFinished`, answering with exactly one
`Finished`; both come last. Being cancelled is a way to finish, not an error; errors are raised
(`core_model.errors`). Because only plain data crosses, the model can move into a process of its own by changing
the one file that drives the generators.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from core_model.errors import RequestError
from media.limits import DEFAULT_LIMITS
from media.types import Part, Picture, RgbArray, Text

__all__ = [
    "MAX_PICTURES",
    "ExpertReport",
    "ExpertStats",
    "FinishReason",
    "Finished",
    "Flow",
    "GenerationEvent",
    "GenerationRequest",
    "GenerationStats",
    "HeldLine",
    "LayerReport",
    "LoadEvent",
    "LoadFinished",
    "LoadProgress",
    "LoadRequest",
    "MemoryLimits",
    "MemoryPlan",
    "MemoryUse",
    "Message",
    "ModelInfo",
    "ModelReport",
    "Moved",
    "Need",
    "Part",
    "Picture",
    "PictureView",
    "Place",
    "PlanLine",
    "PrefillProgress",
    "Role",
    "SamplingParams",
    "ShouldStop",
    "SpeedEstimate",
    "Text",
    "TextDelta",
    "TileGeometry",
    "never_stop",
]

ShouldStop = Callable[[], bool]

MAX_PICTURES = DEFAULT_LIMITS.max_pictures  # in one conversation; what Llama 4 was pre-trained on


def never_stop() -> bool:
    """The stop check of somebody who will never stop."""
    return False


class Role(StrEnum):
    """Who speaks; the values are Llama 4's own words in the prompt."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "ipython"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn: text and pictures in the order in which the model reads them."""

    role: Role
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, role: Role, *parts: Part | str) -> Message:
        """A message from parts, where a plain string stands for a `Text`."""
        return cls(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(part for part in self.parts if isinstance(part, Picture))


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How the next token is picked. `None` means: as the checkpoint's own generation_config says."""

    temperature: float | None = None  # 0 is greedy
    top_p: float | None = None  # smallest set of tokens with at least this probability; 1 keeps all
    seed: int | None = None  # the same seed, prompt and machine give the same text
    max_new_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.temperature is not None and not 0.0 <= self.temperature <= 10.0:
            raise RequestError("Setting out of range", f"Temperature {self.temperature} is not between 0 and 10.")
        if self.top_p is not None and not 0.0 < self.top_p <= 1.0:
            raise RequestError("Setting out of range", f"Top-p {self.top_p} is not above 0 and at most 1.")
        if self.max_new_tokens is not None and self.max_new_tokens < 1:
            raise RequestError("Setting out of range", "The length of the answer must be at least 1 token.")


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """A conversation to go on with. The answer continues after the last message."""

    messages: tuple[Message, ...]
    sampling: SamplingParams = SamplingParams()


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """How much of the machine the model may take. `None` lets the plan decide."""

    gpu_bytes: int | None = None
    ram_bytes: int | None = None
    context_length: int | None = None  # tokens; at most what the checkpoint allows

    def __post_init__(self) -> None:
        for name, value in (
            ("GPU memory", self.gpu_bytes), ("RAM", self.ram_bytes), ("context length", self.context_length),
        ):  # fmt: skip
            if value is not None and value < 1:
                raise RequestError("Limit out of range", f"The limit of the {name} must be at least 1, not {value}.")


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """Which checkpoint folder to open, where, and within which limits."""

    checkpoint: Path
    limits: MemoryLimits = MemoryLimits()
    device: str | None = None  # "cpu", "cuda"; None takes the best one there is
    is_reproducible: bool = False  # the same bits for the same question each time, where that costs speed


@dataclass(frozen=True, slots=True)
class TileGeometry:
    """How this model cuts pictures into tiles; enough to count a picture's tokens without torch."""

    tile_size: int  # pixels on a side
    max_tiles: int  # local tiles of one picture; one global view comes on top
    tokens_per_tile: int
    resize_to_max_canvas: bool = False


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a front end may say about the loaded model."""

    name: str
    checkpoint: Path
    num_parameters: int
    context_length: int
    device: str  # "CPU", "NVIDIA RTX 4090"
    dtype: str  # "bf16", "fp32"
    tiles: TileGeometry | None  # None: this model sees no pictures
    max_pictures: int = MAX_PICTURES
    is_built_in: bool = False
    defaults: SamplingParams = SamplingParams()  # what None means for this checkpoint

    @property
    def sees_pictures(self) -> bool:
        return self.tiles is not None


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """Bytes of weights that are ready, of all."""

    bytes_done: int
    bytes_total: int
    activity: str = ""  # "Checking the files", "Reading model-00003-of-00050.safetensors"


@dataclass(frozen=True, slots=True)
class LoadFinished:
    """The last event of a load. `model` is None when it was cancelled."""

    model: ModelInfo | None
    load_s: float


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """How much of a prompt is read, counted in tokens; `num_cached` of them were still known from before.

    Many tokens are read together, layer by layer; until they are done the number says how much of the work is.
    """

    num_done: int
    num_total: int
    num_cached: int = 0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text to append to the answer. Two neighbours may be merged by joining their text."""

    text: str


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"  # the model said it was done
    LENGTH = "length"  # max_new_tokens or the context was reached
    CANCELLED = "cancelled"  # the person stopped it; what was written stays


class Place(StrEnum):
    """Where weights rest."""

    GPU = "GPU memory"
    RAM = "RAM"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Moved:
    """What was brought for the experts of some tokens, from which floor."""

    num_tokens: int = 0
    from_disk: int = 0  # bytes
    over_link: int = 0  # bytes, from RAM to a GPU

    @property
    def disk_per_token(self) -> float:
        """Bytes; 0 while there are no tokens."""
        return self.from_disk / max(1, self.num_tokens)

    @property
    def link_per_token(self) -> float:
        return self.over_link / max(1, self.num_tokens)


@dataclass(frozen=True, slots=True)
class ExpertStats:
    """How often a routed expert was where it is computed when it was called, in one answer."""

    hits: int
    misses: int
    bytes_read: int  # from the disk
    num_kept: int  # of each layer, at the end
    num_experts: int
    bytes_copied: int = 0  # from RAM to the GPU
    place: Place = Place.RAM  # where it is computed
    bytes_given: int = 0  # of experts that gave way, to other programs or to a long conversation
    prompt: Moved = Moved()  # while the prompt was read
    answer: Moved = Moved()  # while the answer was written, token by token

    @property
    def hit_ratio(self) -> float:
        return self.hits / max(1, self.hits + self.misses)


@dataclass(frozen=True, slots=True)
class GenerationStats:
    """What an answer cost."""

    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0  # of the prompt, not read again
    num_new_tokens: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    experts: ExpertStats | None = None  # of a model whose experts do not all fit

    @property
    def decode_tokens_per_s(self) -> float:
        """Speed after the first token, which belongs to the prefill; 0 while there is nothing to measure."""
        return (self.num_new_tokens - 1) / self.decode_s if self.num_new_tokens > 1 and self.decode_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of an answer, exactly once."""

    reason: FinishReason
    stats: GenerationStats = GenerationStats()


LoadEvent = LoadProgress | LoadFinished
GenerationEvent = PrefillProgress | TextDelta | Finished


class Need(StrEnum):
    """What memory is needed for."""

    WEIGHTS = "weights"
    EXPERTS = "experts"  # routed ones that come and go
    CONVERSATION = "conversation"
    READING = "reading"  # of a prompt: what lies between a layer's input and its output
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One thing that needs memory: what, where, how much."""

    what: str  # "Experts", "Conversation memory for 1,000 tokens"
    where: str  # one of `Place`
    num_bytes: int
    need: Need = Need.WEIGHTS


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A line of the plan, and what became of it."""

    what: str
    where: str
    planned_bytes: int | None  # None: the plan has no such line
    held_bytes: int | None  # now; None: it cannot be told apart from what else is there
    peak_bytes: int | None = None  # the most there was; of sums only


@dataclass(frozen=True, slots=True)
class SpeedEstimate:
    """How fast a model should answer on this machine, and why."""

    tokens_per_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """What a checkpoint would need on this machine, said before anything is loaded."""

    lines: tuple[PlanLine, ...]
    needed_bytes: int  # in the memory that is the bottleneck
    free_bytes: int  # there, now, with other programs counted
    summary: str  # one sentence in plain words
    advice: str = ""  # what to change if it does not fit
    speed: SpeedEstimate | None = None

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= self.free_bytes


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """What the loaded model holds now."""

    weights_bytes: int = 0
    kv_cache_bytes: int = 0
    process_bytes: int = 0  # resident memory of the whole process


@dataclass(frozen=True, slots=True)
class Flow:
    """What came from one place to the next since a model was opened."""

    num_bytes: int = 0
    seconds: float = 0.0  # during which anything was on its way
    ceiling: float = 0.0  # bytes a second that the machine was measured to carry

    @property
    def rate(self) -> float:
        """Bytes a second; 0 while nothing came."""
        return self.num_bytes / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class LayerReport:
    """The routed experts of one layer."""

    layer: int
    places: tuple[Place, ...]  # of each expert: the nearest one
    hits: tuple[int, ...]  # of each expert, in the last answer: steps that called it and found it where it is computed
    misses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ExpertReport:
    """The routed experts of a model whose experts do not all fit."""

    layers: tuple[LayerReport, ...]
    from_disk: Flow
    over_link: Flow  # from RAM to a GPU
    prompt: Moved = Moved()  # for the prompt of the last answer
    answer: Moved = Moved()  # for its tokens, so far


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How the loaded model is doing now."""

    memory: MemoryUse = MemoryUse()
    experts: ExpertReport | None = None
    choices: tuple[str, ...] = ()  # which of several ways computes what on this machine, in sentences
    lines: tuple[HeldLine, ...] = ()  # the plan that it was loaded by, line by line, beside what is held


@dataclass(frozen=True, slots=True, eq=False)
class PictureView:
    """A picture as the model sees it: local tiles row by row, then the global view when there is more than one."""

    rows: int
    cols: int
    tiles: tuple[RgbArray, ...] = field(repr=False)  # each [tile_size, tile_size, 3]
    num_tokens: int

    @property
    def has_global_view(self) -> bool:
        return len(self.tiles) > self.rows * self.cols
