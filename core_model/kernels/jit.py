"""Machine code at run time: LLVM's assembly language in, functions out, with no compiler on the user's machine.

llvmlite carries LLVM. A kernel is written in LLVM's own language as text (`core_model.kernels.fp8_ir`), compiled for
this processor in about a tenth of a second, and called through ctypes, which lets go of the interpreter lock. Where
llvmlite is missing or refuses, `compile_functions` raises `KernelUnavailableError`, and a slower way is taken.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

Signature = Sequence[type]  # of arguments; kernels return nothing


class KernelUnavailableError(RuntimeError):
    """This machine cannot run a kernel. Internal to the kernels: another one is taken."""


@cache
def host_features() -> frozenset[str]:
    """What this processor can do, in LLVM's words ("avx512vbmi"); empty where llvmlite is missing."""
    try:
        return frozenset(name for name, has in _binding().get_host_cpu_features().items() if has)
    except KernelUnavailableError:
        return frozenset()


def is_x86() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


def compile_functions(text: str, signatures: Mapping[str, Signature]) -> dict[str, Any]:
    """Compile a module for this processor.

    Args:
        text: LLVM assembly that defines a function for each name.

    Returns:
        ctypes functions by name. Each keeps its machine code alive.

    Raises:
        KernelUnavailableError: llvmlite is missing, or LLVM refuses the module.
    """
    llvm = _binding()
    try:
        module = llvm.parse_assembly(text)
        module.verify()
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
        )
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
    except RuntimeError as error:
        raise KernelUnavailableError(f"LLVM refuses a kernel: {str(error)[:200]}") from error
    return {name: _function(engine, name, arguments) for name, arguments in signatures.items()}


def _function(engine: Any, name: str, arguments: Signature) -> Any:
    function = ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address(name))
    function.engine = engine  # type: ignore[attr-defined]  # or the code would be freed with it
    return function


@cache
def _binding() -> Any:
    try:
        import llvmlite.binding as llvm
    except (ImportError, OSError) as error:  # OSError: its library is there and cannot be loaded
        raise KernelUnavailableError("llvmlite is not installed") from error
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm
