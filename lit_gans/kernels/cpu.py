"""What the processor multiplies in hardware, as far as oneDNN, which computes torch's bf16 on a CPU, may use it."""

import os

import torch

WITHOUT_AVX512 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2")
WITHOUT_BF16 = (*WITHOUT_AVX512, "AVX512_CORE", "AVX512_CORE_VNNI")
UNLIMITED = ("", "ALL", "DEFAULT")


def has_amx() -> bool:
    """Whether bf16 matrices are multiplied by AMX tiles."""
    return probe("_is_amx_tile_supported") and ("AMX" in limit() or limit() in UNLIMITED)


def has_bf16() -> bool:
    """Whether bf16 is multiplied in hardware, by AMX or AVX512-BF16.

    Elsewhere it is emulated: measured with AVX2 alone, 0.4 GFLOP/s against 50 in float32.
    """
    return has_amx() or (probe("_is_avx512_bf16_supported") and limit() not in WITHOUT_BF16)


def has_avx2_alone() -> bool:
    """Whether AVX2 is the newest that oneDNN's float32 convolutions can use."""
    return (
        probe("_is_avx2_supported")
        and limit() not in ("SSE41", "AVX")
        and not (probe("_is_avx512_supported") and limit() not in WITHOUT_AVX512)
    )


def limit() -> str:
    """The highest instruction set that oneDNN is allowed, by its own variable; empty without one."""
    names = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
    return next((os.environ[name].upper() for name in names if name in os.environ), "")


def probe(name: str) -> bool:
    """torch's answer about this processor; no where it has no such question, as on other than x86."""
    return bool(getattr(torch.cpu, name, bool)())
