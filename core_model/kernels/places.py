"""Where an expert is, as a GPU and the host tell each other: the numbers of their table. No Triton here, unlike in
`fp8_triton_step`, which reads the table.
"""

from __future__ import annotations

PARTS = 3  # gate, up, down: an address each
NOWHERE, ON_DEVICE, IN_RAM = 0, 1, 2  # homes: not to be had by a kernel; its own memory; locked memory behind the link
NO_SPARE = -1  # the expert was not written down
RECORD = 3  # what a step tells of a layer: expert, home, number of the spare slot
