"""Say on which device a model runs, and whether the device computes in bfloat16.

Needs the extra `train`.
"""

import torch

# What torch calls these instructions: AVX-512 and AMX on x86, and those of ARM.
OF_CPUS = ("avx512_bf16", "amx_bf16", "bf16")


def default_device() -> str:
    """A GPU if there is one, otherwise the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def has_bfloat16(device: str | torch.device) -> bool:
    """Whether the device has instructions for bfloat16. Otherwise bfloat16 takes several times as long as float32."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # An older torch cannot tell.
    if kind != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in OF_CPUS)
