"""Compiles Triton kernels for cards that are not here, and prints what machine code reads and writes memory by.

Run by `test_fp8_triton_step_compiled.py` in a process of its own: the interpreter of other tests compiles nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from core_model.kernels import fp8_triton, fp8_triton_step

STEP_MATRIX = {
    "x": "*bf16", "source": "*i64", "target": "*i64", "chosen": "*i64", "gate_scales": "*fp32", "up_scales": "*fp32",
    "scales": "*fp32", "y": "*bf16", "num_in": "i32", "num_out": "i32", "BLOCK_OUT": 4, "BLOCK_IN": 512,
    "IS_ALIGNED": True,
}  # fmt: skip
MATRIX = {
    "x": "*bf16", "codes": "*u8", "gate": "*u8", "up": "*u8", "scales": "*fp32", "gate_scales": "*fp32",
    "up_scales": "*fp32", "y": "*bf16", "num_in": "i32", "num_out": "i32", "BLOCK_OUT": 4, "BLOCK_IN": 512,
}  # fmt: skip
FIND = {
    "chosen": "*i64", "places": "*i64", "homes": "*i32", "spares": "*i64", "num_spares": "i32", "num_taken": "*i32",
    "source": "*i64", "target": "*i64", "record": "*i64",
}  # fmt: skip
KERNELS = {
    "one row": (fp8_triton._one_row, MATRIX),
    "gated row": (fp8_triton._gated_row, MATRIX),
    "few rows": (fp8_triton._few_rows, MATRIX | {"num_rows": "i32", "ROWS": 16, "BLOCK_OUT": 32, "BLOCK_IN": 128}),
    "find": (fp8_triton_step._find, FIND),
    "gated row at": (fp8_triton_step._gated_at, STEP_MATRIX),
    "down at": (fp8_triton_step._down_at, STEP_MATRIX),
}


def compile_for(kernel: triton.JITFunction, types: Mapping[str, str | int], capability: int) -> list[str]:
    """The instructions of a kernel that touch memory, all addresses and sizes being multiples of 16."""
    names = kernel.arg_names
    constants = {(names.index(name),): types[name] for name in names if not isinstance(types[name], str)}
    signature = {name: types[name] if isinstance(types[name], str) else "constexpr" for name in names}
    even = {(number,): [["tt.divisibility", 16]] for number, name in enumerate(names) if signature[name] != "constexpr"}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=even)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4})
    assert made.asm["cubin"]
    return sorted(set(re.findall(r"(?:ld|st)\.global\S*", made.asm["ptx"])))


if __name__ == "__main__":
    found = {name: compile_for(*each, int(sys.argv[1])) for name, each in KERNELS.items()}
    sys.stdout.write(json.dumps(found))
