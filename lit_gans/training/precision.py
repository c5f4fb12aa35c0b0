"""Which precision pays on which machine, and what it costs."""

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def weights_cast_once() -> Iterator[None]:
    """Under autocast, a weight that several passes use is cast for the first of them only; else it does nothing.

    Lightning has this cache off, since the casts would outlive a step of the optimizer. Here they live as long as the
    context: leave it before the step.
    """
    before = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(True)
    try:
        yield
    finally:
        torch.clear_autocast_cache()
        torch.set_autocast_cache_enabled(before)
