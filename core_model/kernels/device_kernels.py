"""Which kernels a decode step without the host may use: Triton's, on a card that reads locked RAM by its address."""

from __future__ import annotations

import ctypes
import logging
import sys
from types import ModuleType

import torch

from core_model.kernels import fp8_gpu

log = logging.getLogger(__name__)

# From cuda.h, CUdevice_attribute: CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM.
CAN_USE_HOST_POINTER = 91


def step_kernels(device: torch.device) -> ModuleType | None:
    """`core_model.kernels.fp8_triton_step`, where a device can run it."""
    if device.type != "cuda" or fp8_gpu.triton_kernels() is None or not reads_locked_ram(device):
        return None
    from core_model.kernels import fp8_triton_step

    return fp8_triton_step


def reads_locked_ram(device: torch.device) -> bool:
    """Whether a kernel finds locked RAM at the address that the host has for it.

    Trying it out is no way to know: a kernel that reads a wrong address ends all work on the card. So the driver is
    asked.
    """
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        value, number = ctypes.c_int(0), ctypes.c_int(0)
        index = torch.cuda.current_device() if device.index is None else device.index
        if driver.cuDeviceGet(ctypes.byref(number), index):
            return False
        failed = driver.cuDeviceGetAttribute(ctypes.byref(value), CAN_USE_HOST_POINTER, number)
    except (OSError, AttributeError):
        log.warning("The CUDA driver could not be asked", exc_info=True)
        return False
    return not failed and value.value == 1
