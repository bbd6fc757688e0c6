"""The kernels compiled for cards that are not here, by Triton's own compiler and assembler, which need no card.

What a card would say in the middle of an answer is said here: code that cannot be compiled, more shared memory than the
smaller cards have, registers that spill, codes that arrive byte by byte because nobody knows how they are aligned.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

triton = pytest.importorskip("triton")

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
SHARED_MEMORY = 99 * 1024  # bytes of a block on compute capability 8.6, 8.9 and 12.0; the others have more

PROGRAM = """
import json, re, subprocess, sys, tempfile
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from core_model.kernels import fp8_triton_grouped as grouped, fp8_triton_tiles as tiles

TYPES = {"x": "*bf16", "y": "*bf16", "rows": "*i64", "tiles": "*i64", "num_in": "i32", "num_out": "i32",
         "num_rows": "i32", "codes": "*u8", "scales": "*fp32"}


def compiled(kernel, blocks, capability):
    constants = tiles.constants(blocks, 5120)
    options = {name: constants.pop(name) for name in ("num_warps", "num_stages")}
    types = {name: "constexpr" if name in constants else TYPES[name] for name in kernel.arg_names}
    known = {(place,): [["tt.divisibility", 16]] for place, name in enumerate(types)
             if name != "num_rows" and name not in constants}
    source = ASTSource(fn=kernel, signature=types, constexprs=constants, attrs=known)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        told = subprocess.run([sys.argv[2], "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    stack, local = re.search(r"STACK:(\\d+).*LOCAL:(\\d+)", told).groups()
    ptx = made.asm["ptx"]
    return {"kernel": kernel.__name__, "blocks": list(blocks), "spilled": int(stack) + int(local),
            "shared": made.metadata.shared, "is_on_matrix_units": "mma" in ptx,
            "reads": len(re.findall(r"cp\\.async\\.c[ag]", ptx)),
            "byte_reads": len(re.findall(r"ld\\.global[^ ]*b8", ptx))}


capability = int(sys.argv[1])
kernels = [(tiles._tile, tiles.SIZES[0])]
kernels += [(grouped._gated_group, blocks) for blocks in tiles.GATED_SIZES]
kernels += [(grouped._down_group, blocks) for blocks in tiles.SIZES]
print(json.dumps([compiled(kernel, blocks, capability) for kernel, blocks in kernels]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not (TOOLS / "ptxas").exists(), reason="this build of Triton brings no assembler")
@pytest.mark.parametrize("capability", [80, 89, 90])
def test_kernels_compile_for(capability: int, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(capability), str(TOOLS / "cuobjdump")],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) == 9
    for kernel in found:
        assert kernel["spilled"] == 0, kernel
        assert kernel["shared"] <= SHARED_MEMORY, kernel
        assert kernel["is_on_matrix_units"], kernel
        assert kernel["reads"], kernel
        assert not kernel["byte_reads"], kernel
