"""How a checkpoint itself wants to be sampled: `generation_config.json`.

Where the file says nothing, transformers' meaning of silence holds (no `do_sample` is greedy, no `temperature` is 1,
no `top_p` keeps all). Where there is no file, Llama 4's published values hold. Fields that this program does not
offer, such as `top_k`, are not read. The file is untrusted: a value out of range is an error that names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core_model.config import Json, Llama4Config, read_json, token_ids
from core_model.errors import CheckpointError
from core_model.types import SamplingParams

FILE = "generation_config.json"
MAX_TEMPERATURE = 10.0  # as `SamplingParams`


@dataclass(frozen=True, slots=True)
class GenerationDefaults:
    """What `None` in a person's settings means for this checkpoint, and which tokens end an answer."""

    do_sample: bool
    temperature: float
    top_p: float
    eos_token_ids: tuple[int, ...]

    @property
    def sampling(self) -> SamplingParams:
        """The same in the vocabulary of requests, where temperature 0 is greedy."""
        return SamplingParams(temperature=self.temperature if self.do_sample else 0.0, top_p=self.top_p)


def read_generation_defaults(folder: Path, config: Llama4Config) -> GenerationDefaults:
    """Read a checkpoint's defaults; end tokens fall back to those of config.json.

    Raises:
        CheckpointError: the file is unreadable or a value is out of range; names the field.
    """
    eos = config.text.eos_token_ids
    if not (folder / FILE).exists():
        return GenerationDefaults(do_sample=True, temperature=0.6, top_p=0.9, eos_token_ids=eos)
    data = read_json(folder / FILE)
    do_sample = data.get("do_sample", False)
    if not isinstance(do_sample, bool):
        raise _bad("do_sample", do_sample, "true or false")
    return GenerationDefaults(
        do_sample=do_sample,
        temperature=_number(data, "temperature", MAX_TEMPERATURE),
        top_p=_number(data, "top_p", 1.0) or 1.0,  # some files write 0 for "keep all"
        eos_token_ids=_eos(data, config.text.vocab_size) or eos,
    )


def _number(data: Json, name: str, most: float) -> float:
    value = data.get(name)
    if value is None:
        return 1.0
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= most:
        raise _bad(name, value, f"a number from 0 to {most:g}")
    return float(value)


def _eos(data: Json, vocab_size: int) -> tuple[int, ...]:
    try:
        ids = token_ids(data.get("eos_token_id"))
    except CheckpointError as error:
        raise _bad("eos_token_id", data.get("eos_token_id"), "a token id or a list of them") from error
    if any(token_id >= vocab_size for token_id in ids):
        raise _bad("eos_token_id", list(ids), f"below the vocabulary's size, {vocab_size:,}")
    return ids


def _bad(name: str, value: object, expected: str) -> CheckpointError:
    return CheckpointError(
        "Model not supported",
        f"{FILE}: {name} is {str(value)[:80]!r}, expected {expected}.",
        "Correct the file, or delete it to use Llama 4's usual settings.",
    )
