"""Say on which device a model runs, and whether the device should compute in bfloat16.

Needs the extra `train`.
"""

from functools import cache
from time import perf_counter

import torch

# What torch calls these instructions: AVX-512 and AMX on x86, and those of ARM.
OF_CPUS = ("avx512_bf16", "amx_bf16", "bf16")

# The product that decides: the tokens of a small batch, and the width of a small model and of its inner layer.
TOKENS, WIDTH, INNER = 1024, 576, 1536
ROUNDS = 5
# float32 is more exact, so bfloat16 has to be this much faster. A smaller gain would be lost in converting the weights.
WORTH = 1.2


def default_device() -> str:
    """A GPU if there is one, otherwise the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def gains_by_bfloat16(device: str | torch.device) -> bool:
    """Whether the device computes faster in bfloat16 than in float32.

    A GPU does if it has the instructions. A CPU is measured once, because its instructions do not tell. With AVX-512
    but without AMX, a product in bfloat16 can take twice as long as in float32. A CPU without either imitates bfloat16,
    and this takes several times as long.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # An older torch cannot tell its instructions.
    if kind != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in OF_CPUS) and cpu_speedup_by_bfloat16() > WORTH


@cache
def cpu_speedup_by_bfloat16() -> float:
    """How many times as fast as in float32 the CPU multiplies matrices in bfloat16, by the best of some rounds."""
    best = dict.fromkeys((torch.float32, torch.bfloat16), float("inf"))
    factors = {dtype: (torch.ones(TOKENS, WIDTH, dtype=dtype), torch.ones(WIDTH, INNER, dtype=dtype)) for dtype in best}
    with torch.no_grad():
        # The rounds take turns, so that other work on the machine slows both. The first one prepares the kernels.
        for number in range(1 + ROUNDS):
            for dtype, (tokens, weights) in factors.items():
                start = perf_counter()
                tokens @ weights
                if number:
                    best[dtype] = min(best[dtype], perf_counter() - start)
    return best[torch.float32] / best[torch.bfloat16]
