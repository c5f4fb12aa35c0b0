"""benchmarks/flow_speed.py: the flow in normflows' layers is the same flow, and the script runs whole."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lit_gans.networks.flow.flow import Flow

normflows = pytest.importorskip("normflows", reason="the comparison with normflows needs it: pip install normflows")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "flow_speed.py"
TINY = "levels=2 steps=1 hidden=4 features=4 growth=2 blocks=1"


def test_a_flow_in_their_layers_is_the_same_flow_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    from flow_layers import Theirs, their_layers

    torch.manual_seed(0)
    ours = Flow(4, 16, 2, 2, 6, 5, 5, 3, 1)
    x, label = torch.rand(3, 3, 16, 16) - 0.5, torch.eye(4)[:3]
    ours.initialize(x, ours.pyramid(label))
    with torch.no_grad():
        for weight in ours.parameters():
            weight.add_(0.05 * torch.randn(weight.shape))
        theirs = their_layers(copy.deepcopy(ours))
        assert sum(isinstance(layer, Theirs) for layer in theirs.modules()) == 2 * (1 + 2 * (2 + 2) + 2)
        pyramid = ours.pyramid(label)
        (z, logdet), (their_z, their_logdet) = ours(x, pyramid), theirs(x, pyramid)
        torch.testing.assert_close(their_z.flatten(), z.flatten(), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(their_logdet, logdet, rtol=1e-4, atol=1e-2)
        torch.testing.assert_close(theirs.inverse(z, pyramid), x, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_the_script_measures_each_build_in_training_and_sampling(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    options = "--rounds 1 --batches 1 --warmup 1 --batch-size 2 --image-size 16 --model".split()
    command = [sys.executable, SCRIPT, "--out", out, *options, *TINY.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())["results"]
    for name in ("training", "sampling"):
        speeds = results[name]["images_per_second"]
        assert set(speeds) == {"normflows", "ours, fp32", "ours"} and min(speeds.values()) > 0
        assert results[name]["ratios"]["normflows"] == 1
