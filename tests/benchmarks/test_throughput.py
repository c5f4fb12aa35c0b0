"""benchmarks/throughput.py, run whole on tiny networks; and the floating-point floor against a count by hand."""

import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from data_modules.rendered.scenes import write_dataset
from lit_gans.cli import main

TINY = "--rounds 1 --batches 2 --warmup 1 --batch-size 4 --image-size 16 --model width=4 --workers 1"
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "throughput.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import throughput

    return throughput


@pytest.fixture
def here(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, whose measurements run in this process instead of one each."""
    import fitting

    run_command = subprocess.run

    def run(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        if command[1:3] != ["-m", "lit_gans.cli"]:  # a training asks git for its commit
            return run_command(command, **options)
        return subprocess.CompletedProcess(command, main(command[3:]), "", "")

    monkeypatch.setattr(fitting.subprocess, "run", run)
    monkeypatch.setattr(script, "alone", lambda measure, job: measure(job))
    return script


def test_the_json_holds_every_round_the_medians_and_the_ratios_within_a_round(
    here: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "speed.json"
    monkeypatch.chdir(tmp_path)
    here.main([*TINY.split(), "--out", str(out)])
    printed = capsys.readouterr().out
    assert "cdcgan" in printed and "step/floor" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["speed.json"]

    content = json.loads(out.read_text())
    assert content["command"] == (
        "python benchmarks/throughput.py --device cpu --systems cdcgan --out speed.json --rounds 1 --batches 2 "
        "--warmup 1 --batch-size 4 --image-size 16 --compile off --model width=4 --workers 1"
    )
    assert content["machine"]["cpu"] and content["machine"]["cores"] >= 1
    assert content["machine"]["precision"] in ("bf16-mixed", "32-true")
    assert content["machine"]["instruction_set"].split(",")[0] in printed
    result = content["systems"]["cdcgan"]
    (row,) = result["rounds"]
    assert all(row[part] > 0 for part in ("plain", "fit", "step", "floor"))
    assert result["images_per_second"] == {part: row[part] for part in ("plain", "fit", "step", "floor")}
    assert result["ratios"] == {
        "fit/plain": row["fit"] / row["plain"],
        "fit/step": row["fit"] / row["step"],
        "step/floor": row["step"] / row["floor"],
        "fit/floor": row["fit"] / row["floor"],
    }
    assert row["floor"] == pytest.approx(1e3 * row["peak_tflops"] / result["gflop_per_image"])


def test_the_floor_counts_every_multiplication_of_the_cdcgan_step_once(script: ModuleType, tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", 4, size=16, workers=1, progress=False)
    setup = script.Setup("cpu", 1, 1, workers=0, batch_size=4, image_size=16, model={"width": 4})
    job = script.Job(script.SYSTEMS["cdcgan"], setup, tmp_path / "data")

    # multiply-adds of one image going forward; layers and channels of report 003, at 16 px and width 4
    embed = 24 * 200
    generator = 300 * 8 * 16 + 16 * 8 * 4 * 16 + 64 * 4 * 3 * 16
    plane = 24 * 16 * 16
    discriminator = 64 * 16 * 4 * 4 + 16 * 16 * 4 * 8 + 16 * 8
    # a backward pass costs two forward ones: to the input and to the weights; the multi-hot needs no gradient
    d_update = (embed + generator) + 2 * ((plane + discriminator) + (plane + 2 * discriminator))
    # through the frozen discriminator, to its input only
    g_update = (embed + generator) + (embed + 2 * generator) + (plane + discriminator) + discriminator
    assert script.count_flops(job) == 2 * (d_update + 4 * g_update)


NETWORKS: dict[str, dict[str, Any]] = {
    "wgan_gp": {"width": 4},
    "conditional_gan": {"width": 8, "discriminator_width": 4},
    "flow": {"levels": 2, "steps": 1, "hidden": 4, "features": 4, "growth": 2, "blocks": 1},
    "flow_layout": {"levels": 2, "steps": [1, 0], "attention": 1, "attention_width": 32, "embedding": 4, "features": 4},
    "cyclegan": {"width": 2, "blocks": 1, "discriminator_width": 2, "discriminator_layers": 1},
    "dcgan": {"width": 4},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_plain_loop_and_bare_step_train_the_networks_of_the_system(
    script: ModuleType, tmp_path: Path, name: str
) -> None:
    setup = script.Setup("cpu", 1, 1, workers=0, batch_size=2, image_size=32, model=NETWORKS[name])
    job = script.Job(script.SYSTEMS[name], setup, tmp_path / "data")
    job.system.source.render(job.folder, 8, job.image_size)
    # one period, so that each network has had its turn
    plain, bare = job.model(), job.model()
    step = job.system.plain(plain)
    columns = default_collate([job.dataset()[i] for i in range(job.batch_size)])
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    for _ in range(job.system.period):
        step(*columns)
    assert trained(before, plain) == expected_to_train(plain)

    step, batch = job.system.step(bare), dict(zip(job.system.source.columns, columns, strict=True))
    before = {key: value.clone() for key, value in bare.state_dict().items()}
    for _ in range(job.system.period):
        step(batch)
    assert trained(before, bare) == expected_to_train(bare)
    assert script.count_flops(job) > 0


def trained(before: dict[str, Tensor], model: nn.Module) -> set[str]:
    """Networks with a weight that has changed."""
    weights = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    return {name.split(".")[0] for name, weight in weights if not torch.equal(before[name], weight)}


def expected_to_train(model: nn.Module) -> set[str]:
    return {name for name, child in model.named_children() if any(p.requires_grad for p in child.parameters())}


def test_the_data_are_found_inside_the_given_folder_by_their_usual_name(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "anime").mkdir()
    assert script.data_folder(script.SYSTEMS["dcgan"], tmp_path) == tmp_path / "anime"
    assert script.data_folder(script.SYSTEMS["cdcgan"], tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--systems", "cdcgan,biggan"], "no system biggan; expected cdcgan"),
        (["--model", "width"], "expected NAME=VALUE, such as width=32"),
        (["--batches", "7", "--warmup", "2"], "--batches a multiple of --warmup"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_what_can(
    script: ModuleType, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        script.main([*options, "--out", "speed.json"])
    assert message in capsys.readouterr().err
