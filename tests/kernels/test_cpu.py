"""The probe of the processor: bf16 counts where the hardware has it and oneDNN may use it."""

import pytest
import torch

from lit_gans.kernels.cpu import has_amx, has_avx2_alone, has_bf16

PROBES = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
VECTORS = ("_is_avx2_supported", "_is_avx512_supported")


@pytest.fixture(autouse=True)
def no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)


def pretend(monkeypatch: pytest.MonkeyPatch, amx: bool, avx512_bf16: bool) -> None:
    for probe, answer in zip(PROBES, (amx, avx512_bf16), strict=True):
        monkeypatch.setattr(torch.cpu, probe, lambda answer=answer: answer, raising=False)


@pytest.mark.parametrize(
    ("amx", "avx512_bf16", "bf16"),
    [(True, True, True), (True, False, True), (False, True, True), (False, False, False)],
)
def test_a_processor_has_bf16_with_amx_or_with_avx512_bf16(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx512_bf16: bool, bf16: bool
) -> None:
    pretend(monkeypatch, amx, avx512_bf16)
    assert (has_amx(), has_bf16()) == (amx, bf16)


@pytest.mark.parametrize(
    ("limit", "amx", "bf16"),
    [
        ("SSE41", False, False),
        ("avx2", False, False),
        ("AVX2_VNNI_2", False, False),
        ("AVX512_CORE", False, False),
        ("AVX512_CORE_VNNI", False, False),
        ("AVX512_CORE_BF16", False, True),
        ("AVX512_CORE_FP16", False, True),
        ("AVX512_CORE_AMX", True, True),
        ("DEFAULT", True, True),
    ],
)
@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_what_onednn_may_not_use_does_not_count(
    monkeypatch: pytest.MonkeyPatch, name: str, limit: str, amx: bool, bf16: bool
) -> None:
    pretend(monkeypatch, True, True)
    monkeypatch.setenv(name, limit)
    assert (has_amx(), has_bf16()) == (amx, bf16)


def test_a_limit_gives_no_processor_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, False, False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX")
    assert (has_amx(), has_bf16()) == (False, False)


def test_a_torch_without_the_probes_has_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    for probe in PROBES:
        monkeypatch.delattr(torch.cpu, probe, raising=False)
    assert (has_amx(), has_bf16()) == (False, False)


@pytest.mark.parametrize(
    ("avx2", "avx512", "limit", "alone"),
    [
        (True, False, "", True),
        (True, True, "", False),
        (True, True, "avx2", True),
        (True, True, "AVX512_CORE", False),
        (True, False, "SSE41", False),
        (False, False, "", False),
    ],
)
def test_avx2_is_alone_where_the_processor_has_nothing_newer_or_onednn_may_not_use_it(
    monkeypatch: pytest.MonkeyPatch, avx2: bool, avx512: bool, limit: str, alone: bool
) -> None:
    for probe, answer in zip(VECTORS, (avx2, avx512), strict=True):
        monkeypatch.setattr(torch.cpu, probe, lambda answer=answer: answer, raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert has_avx2_alone() == alone
