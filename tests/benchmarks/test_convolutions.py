"""benchmarks/convolutions.py measures layers that compute the same, ours as products on any machine."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from lit_gans.kernels import im2col
from lit_gans.kernels.winograd import Conv3x3

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "convolutions.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    monkeypatch.setattr(im2col, "pays", im2col.pays)  # the script changes both for its process
    monkeypatch.setattr(Conv3x3, "pays", Conv3x3.pays)
    import convolutions

    return convolutions


def test_both_layers_of_a_row_compute_the_same(script: ModuleType) -> None:
    for ours, torchs, side in script.LAYERS:
        torchs.load_state_dict(ours.state_dict())
        images = torch.randn(1, ours.in_channels, side, side)
        torch.testing.assert_close(ours(images), torchs(images), rtol=1e-3, atol=1e-4)


def test_every_layer_gets_a_row_and_ours_are_products(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.main(["--batch", "1", "--rounds", "1", "--repeats", "1"])
    table = capsys.readouterr().out
    assert all(f"{ours.in_channels} -> {ours.out_channels}" in table for ours, _, _ in script.LAYERS)
    assert im2col.pays(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 4, 4), 2)
    assert Conv3x3(1, 1).pays(torch.zeros(1, 1, 8, 8))
