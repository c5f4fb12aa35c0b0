import pytest

from lit_gans.kernels.base import Kernel


@pytest.fixture(autouse=True)
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels themselves are tested whatever LIT_GANS_KERNELS says."""
    monkeypatch.setattr(Kernel, "enabled", True)
