"""Modules whose weights rest in RAM and visit the device only while they compute.

For what is needed now and then and would take the place of something that is needed always: a vision tower on a GPU
that is short of memory. Each module's own weights are copied before its forward pass and dropped after it, so no more
than one layer of them is there at a time. For a GPU they are kept in locked memory, from which copies are fast: Scout's
tower is 1.7 GB, a tenth of a second on the way where 20 GB come over each second.
"""

from __future__ import annotations

import torch
from torch import nn

from core_model.model.llama4 import Llama4


def let_visit(root: nn.Module, device: torch.device) -> None:
    """From now on, bring the parameters of a module and of all modules in it to the device for each forward pass."""
    for module in root.modules():
        if module._parameters:
            guests = _Guests(module, device)
            module.register_forward_pre_hook(lambda _module, _inputs, guests=guests: guests.come())
            module.register_forward_hook(lambda _module, _inputs, _output, guests=guests: guests.go(), always_call=True)


def let_vision_visit(model: Llama4) -> None:
    """Where a model's vision tower was left in RAM, bring it to where the model computes."""
    if model.config.vision is not None and model.vision_model.class_embedding.device != model.device:
        for part in (model.vision_model, model.multi_modal_projector):
            let_visit(part, model.device)


class _Guests:
    """The parameters that a module itself holds."""

    def __init__(self, module: nn.Module, device: torch.device) -> None:
        self._module, self._device = module, device
        self._at_home = {name: _locked(parameter, device) for name, parameter in module._parameters.items()}
        module._parameters.update(self._at_home)

    def come(self) -> None:
        for name, parameter in self._at_home.items():
            if parameter is not None:
                there = parameter.to(self._device, non_blocking=True)
                self._module._parameters[name] = nn.Parameter(there, requires_grad=False)

    def go(self) -> None:
        """Also when the pass was abandoned by an `Exception`."""
        self._module._parameters.update(self._at_home)


def _locked(parameter: nn.Parameter | None, device: torch.device) -> nn.Parameter | None:
    """The same in memory that a GPU copies from at full speed, where the system allows that."""
    if parameter is None or device.type != "cuda":
        return parameter
    try:
        return nn.Parameter(parameter.detach().pin_memory(), requires_grad=False)
    except RuntimeError:
        return parameter
