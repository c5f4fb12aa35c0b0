"""benchmarks/likelihood.py: bits of held-out pictures under a flow-matching model."""

import json
import math
from pathlib import Path
from types import ModuleType

import pytest
import torch

from lit_gans.models.flow_matching import ConditionalFlowMatching

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "likelihood.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import likelihood

    return likelihood


def test_standard_normal_images_have_the_bits_of_their_cells(script: ModuleType) -> None:
    """A network that is 0 leaves noise where it is, so at time 1 the density is that of noise itself."""
    model = ConditionalFlowMatching(24, image_size=8, width=16, levels=2, blocks=1)
    x = torch.zeros(2, 3, 8, 8)
    found = script.bits(model, x, torch.zeros(2, 24), noise=0.0, steps=2)
    cell = 2 / 255  # the width of a stored value's cell, images being in [-1, 1]
    expected = -math.log2(cell / math.sqrt(2 * math.pi))
    torch.testing.assert_close(found, torch.full((2,), expected, dtype=torch.float64), rtol=1e-5, atol=0)


def test_uniform_noise_stays_in_the_cells_and_gaussian_noise_has_its_deviation(script: ModuleType) -> None:
    images = torch.randint(256, (64, 3, 8, 8)) / 127.5 - 1
    (uniform, none), (gaussian, told) = script.kinds(images, 0.05).values()
    assert (none, told) == (0.0, 0.05)
    assert (uniform - images).abs().max() < 2 / 255  # images of 256 cells reach a little further than from -1 to 1
    assert (gaussian - images).std().item() == pytest.approx(0.05, rel=0.05)


def test_held_out_pictures_are_measured_both_ways(script: ModuleType, scenes_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "likelihood.json"
    arguments = ["flow_matching_iclevr", "--data", str(scenes_folder), "--images", "2", "--steps", "1,2"]
    script.main([*arguments, "--out", str(out)])
    facts = json.loads(out.read_text())
    assert [(row["images"], row["steps"]) for row in facts["rows"]] == [
        ("uniform", 1),
        ("noise", 1),
        ("uniform", 2),
        ("noise", 2),
    ]
    assert all(math.isfinite(row["bits_per_dim"]) for row in facts["rows"]) and facts["images"] == 2


def test_another_model_is_refused(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="says the likelihood of a flow"):
        script.main(["flow_faces", "--data", "nowhere"])
