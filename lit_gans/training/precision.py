"""Which precision pays on which machine."""

import torch

BF16 = "bf16-mixed"
FP32 = "32-true"


def best_precision(accelerator: str = "auto") -> str:
    """bf16-mixed where the hardware multiplies bf16 matrices faster than fp32, else 32-true.

    Measured on CPUs with AMX or AVX512-BF16: about 2x with channels_last; without either, bf16 is emulated and slower.
    """
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return BF16 if torch.cuda.is_bf16_supported(including_emulation=False) else FP32
    if accelerator in ("auto", "cpu"):
        probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
        return BF16 if any(getattr(torch.cpu, probe, bool)() for probe in probes) else FP32
    return FP32
