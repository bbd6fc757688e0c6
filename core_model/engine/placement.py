"""Where a model is computed and in which number type, decided from the machine and the model's size.

One CUDA GPU when there is one, the CPU otherwise. GPUs compute in bf16, as Llama 4 was released. On the CPU a small
model computes in float32, which is exact and at that size as fast; a large one in bf16, half the bytes per token.
"""

from __future__ import annotations

import platform

import psutil
import torch

from core_model.errors import RequestError
from core_model.types import MemoryUse

SMALL_MODEL_PARAMETERS = 500_000_000  # up to here float32 on the CPU: 2 GB


def choose_device(wanted: str | None) -> torch.device:
    """The device to compute on.

    Raises:
        RequestError: a device was asked for that this machine or this build of torch does not have.
    """
    if wanted is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted not in ("cpu", "cuda"):
        raise RequestError("Unknown device", f"'{wanted}' is not a device; there are 'cpu' and 'cuda'.")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RequestError(
            "No GPU can be used",
            "This machine has no CUDA GPU, its driver is too old, or torch was installed without CUDA.",
            "Leave the choice of the device to Altiplano, or install the CUDA build of torch.",
        )
    return torch.device(wanted)


def choose_dtype(device: torch.device, num_parameters: int) -> torch.dtype:
    """The number type of weights and arithmetic."""
    is_small = num_parameters <= SMALL_MODEL_PARAMETERS
    return torch.float32 if device.type == "cpu" and is_small else torch.bfloat16


def has_room_to_transpose(device: torch.device, dtype: torch.dtype, num_expert_parameters: int, free: int) -> bool:
    """Whether the experts may be copied into the layout that one-row products on the CPU like (`load_steps`).

    A checkpoint that fills the memory (`free`, in bytes) stays a mapped file: an answer that begins is worth more than
    a fast one.
    """
    is_large_cpu_model = device.type == "cpu" and dtype == torch.bfloat16
    return is_large_cpu_model and 2 * num_expert_parameters * dtype.itemsize < free


def device_name(device: torch.device) -> str:
    """What to call the device in front of a person."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"


def dtype_name(dtype: torch.dtype) -> str:
    """The short name that the field uses."""
    return {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]


def free_bytes(device: torch.device) -> int:
    """Memory that could be had on the device now, with other programs counted."""
    if device.type == "cpu":
        return int(psutil.virtual_memory().available)
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by torch, for next time
    return int(torch.cuda.mem_get_info(device)[0]) + unused


def memory_use(weights_bytes: int, kv_cache_bytes: int) -> MemoryUse:
    """What the model holds, beside the resident memory of the whole process."""
    return MemoryUse(weights_bytes, kv_cache_bytes, int(psutil.Process().memory_info().rss))
