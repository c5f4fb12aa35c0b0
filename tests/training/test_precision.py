"""best_precision: bf16 where the hardware multiplies it, fp32 where it would be emulated."""

import pytest
import torch

from lit_gans.training import precision
from lit_gans.training.precision import best_precision


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> "Machine":
    return Machine(monkeypatch)


class Machine:
    """Pretended hardware."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def gpu(self, there: bool, bf16: bool = False) -> "Machine":
        def is_bf16_supported(including_emulation: bool = True) -> bool:
            return bf16 or including_emulation  # torch says yes of every GPU if emulation counts

        self.monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
        self.monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
        return self

    def cpu(self, bf16: bool = False) -> "Machine":
        self.monkeypatch.setattr(precision, "has_bf16", lambda: bf16)
        return self


@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
@pytest.mark.parametrize(("bf16", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_gpu_gets_bf16_if_its_hardware_has_it(machine: Machine, accelerator: str, bf16: bool, expected: str) -> None:
    machine.gpu(True, bf16=bf16).cpu(not bf16)  # the CPU beside it has no say
    assert best_precision(accelerator) == expected


@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
@pytest.mark.parametrize(("bf16", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_cpu_gets_bf16_unless_it_would_emulate_it(
    machine: Machine, accelerator: str, bf16: bool, expected: str
) -> None:
    machine.gpu(False).cpu(bf16)
    assert best_precision(accelerator) == expected


def test_a_run_on_the_cpu_does_not_ask_the_gpu(machine: Machine) -> None:
    assert best_precision() in ("bf16-mixed", "32-true")
    machine.gpu(True, bf16=True).cpu()
    assert best_precision("cpu") == "32-true"
    machine.gpu(True, bf16=False).cpu(True)
    assert best_precision("cpu") == "bf16-mixed"


def test_auto_is_the_default(machine: Machine) -> None:
    machine.gpu(False).cpu(True)
    assert best_precision() == "bf16-mixed"


@pytest.mark.parametrize("accelerator", ["mps", "tpu"])
def test_other_accelerators_get_fp32(machine: Machine, accelerator: str) -> None:
    machine.gpu(True, bf16=True).cpu(True)
    assert best_precision(accelerator) == "32-true"
