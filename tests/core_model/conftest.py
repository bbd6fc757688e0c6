"""Kernels of Triton run in its interpreter where there is no GPU. It reads the variable once, when it is imported.

That is whenever the first module of torch or of ours asks for it, so a test module cannot say it in time.
"""

from __future__ import annotations

import os

import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"
