"""What a first use imports: torch, but not its compiler, which takes as long again."""

import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
import audiocodec
codec = audiocodec.load()
codes = codec.encode(np.zeros((1, 1000), np.float32))
assert codec.decode(codes).shape == (1, 1000)
heavy = {"torch._dynamo", "torch._inductor", "sympy", "huggingface_hub", "typer", "rich", "scipy"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_nothing_heavy_but_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n" and done.stderr == ""
