"""Which precision pays on which machine."""

import torch

from lit_gans.kernels.cpu import has_bf16

BF16 = "bf16-mixed"
FP32 = "32-true"


def best_precision(accelerator: str = "auto") -> str:
    """bf16-mixed where the hardware multiplies bf16 matrices, faster than fp32; 32-true where it would emulate them.

    Measured on CPUs with AMX or AVX512-BF16: about 2x with channels_last.
    """
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return BF16 if torch.cuda.is_bf16_supported(including_emulation=False) else FP32
    return BF16 if accelerator in ("auto", "cpu") and has_bf16() else FP32
