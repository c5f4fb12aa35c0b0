"""benchmarks/scaling.py, run whole on a tiny network in one and two processes."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scaling.py"
# rates at which ranks that do not share their gradients would soon go apart
MODEL = "width=4 lr_generator=0.01 lr_discriminator=0.01"
TINY = f"--rounds 1 --batches 8 --warmup 4 --threads 1 --batch-size 4 --image-size 16 --model {MODEL}"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import scaling

    return scaling


@pytest.mark.slow
def test_one_and_two_processes_are_timed_and_every_exchanged_byte_of_two_is_counted(tmp_path: Path) -> None:
    out = tmp_path / "scaling.json"
    done = subprocess.run(
        [sys.executable, SCRIPT, *TINY.split(), "--out", out], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "efficiency" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["scaling.json"]

    content = json.loads(out.read_text())
    assert content["command"] == (
        "python benchmarks/scaling.py --device cpu --system cdcgan --processes 1,2 --ways overlay,updated --threads 1 "
        "--out scaling.json --rounds 1 --batches 8 --warmup 4 --batch-size 4 --image-size 16 "
        f"--model {MODEL}"
    )
    assert content["machine"]["threads_per_process"] == 1 and content["batch_size_per_process"] == 4
    (row,), results = content["rounds"], content["results"]
    assert list(row) == list(results) == ["1", "2 overlay", "2 updated"]
    for name, result in results.items():
        rate = row[name]["images_per_second"]
        assert rate > 0 and result["images_per_second"] == rate
        assert result["efficiency"] == rate / (result["processes"] * row["1"]["images_per_second"])
    assert row["1"]["traffic"] is None and results["1"]["all_reduced_bytes_per_batch"] == 0

    # weights and biases at 16 px and width 4, layers and channels of report 003
    embed, plane = 24 * 200 + 200, 24 * 256 + 256
    generator = embed + (300 * 8 * 16 + 8 + 16) + (8 * 4 * 16 + 4 + 8) + (4 * 3 * 16 + 3)
    discriminator = plane + (4 * 4 * 16 + 4 + 8) + (4 * 8 * 16 + 8 + 16) + (8 * 16 + 1)
    least = 4 * (4 * generator + discriminator)
    assert content["least_bytes_per_batch"] == least
    assert results["2 updated"]["all_reduced_bytes_per_batch"] == least
    assert results["2 updated"]["all_reduces_per_batch"] == 5
    assert content["strategy"]["overlay"] == "ddp_find_unused_parameters_true"
    assert results["2 overlay"]["all_reduced_bytes_per_batch"] >= 4 * 5 * (generator + discriminator)

    for name, loss in row["2 overlay"]["losses"].items():
        assert row["2 updated"]["losses"][name] == pytest.approx(loss, rel=0.02), name


def test_gradients_are_averaged_over_the_processes_each_at_its_place(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = [torch.tensor([[1.0, 2.0]]), torch.tensor([3.0])]
    others = torch.tensor([3.0, 4.0, -5.0])

    def all_reduce(flat: Tensor) -> None:
        flat += others

    monkeypatch.setattr(script.distributed, "all_reduce", all_reduce)
    monkeypatch.setattr(script.distributed, "get_world_size", lambda: 2)
    script.average(mine)
    assert [gradient.tolist() for gradient in mine] == [[[2.0, 3.0]], [-1.0]]


def test_the_efficiency_is_taken_within_a_round(script: ModuleType) -> None:
    traffic = {"bytes": {"allreduce_": 100, "broadcast_": 7}, "calls": {"allreduce_": 10, "broadcast_": 1}}
    rounds = [
        {"1": {"images_per_second": one, "traffic": None}, "2 overlay": {"images_per_second": two, "traffic": traffic}}
        for one, two in ((10.0, 20.0), (20.0, 30.0), (30.0, 30.0))
    ]
    cases = script.cases_of([1, 2], ["overlay"])
    result = script.summary(rounds, cases, period=5)["2 overlay"]
    assert result["efficiency"] == 0.75 and result["images_per_second"] == 30.0
    assert result["all_reduced_bytes_per_batch"] == 20 and result["all_reduces_per_batch"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--system", "flow"], "invalid choice: 'flow'"),
        (["--processes", "0,2"], "expected numbers of processes such as 1,2"),
        (["--ways", "mine"], "no way mine; expected overlay, updated"),
        (["--warmup", "1"], "--warmup must be more than 1"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_what_can(
    script: ModuleType, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        script.main([*options, "--out", "scaling.json"])
    assert message in capsys.readouterr().err
