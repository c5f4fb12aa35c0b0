"""Weights from packages."""

from pathlib import Path

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.networks import pretrained
from lit_gans.networks.pretrained import efficientnet_lite0
from lit_gans.scoring.extractors import load_extractor


def test_its_answers_are_those_of_the_package_that_the_weights_were_made_for() -> None:
    """Logits of the first five classes, computed with the network of efficientnet-lite-pytorch 0.1.0; float32 through
    49 layers, so to some 1e-4."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    image = torch.stack([torch.sin(7 * x), torch.cos(5 * y * x), torch.sin(3 * x + 4 * y)])[None]
    expected = torch.tensor([-1.0794, 3.2666, 2.5177, -3.4959, -6.8217])
    with torch.no_grad():
        torch.testing.assert_close(efficientnet_lite0().classes(image)[0, :5], expected, rtol=0, atol=2e-3)


def test_the_extractor_is_chosen_by_its_name() -> None:
    extractor = load_extractor("efficientnet_lite0")
    assert (extractor.name, extractor.num_features, extractor.min_size) == ("efficientnet_lite0", 1280, 32)
    assert extractor(torch.zeros(2, 3, 32, 32)).shape == (2, 1280)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'lit_gans\[features\]'"):
        load_extractor("efficientnet_lite0")


def test_another_file_is_refused_by_its_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pretrained, "FILE", "__init__.py")
    with pytest.raises(InputError, match=r"has SHA-256 [0-9a-f]{64}; expected 5793"):
        efficientnet_lite0()
    monkeypatch.setattr(pretrained, "FILE", "models/none.pth")
    with pytest.raises(InputError, match="no such file"):
        efficientnet_lite0()
