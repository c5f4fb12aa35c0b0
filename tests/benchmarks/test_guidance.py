"""benchmarks/guidance.py: held-out conditions, a row for each pair, the same noise in all."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import lightning as L
import pytest

from data_modules.iclevr import ICLEVR
from lit_gans.models.flow import ConditionalFlow
from lit_gans.models.flow_matching import ConditionalFlowMatching
from lit_gans.networks.ode import solve

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "guidance.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import guidance

    return guidance


def trained(model_class: type, options: dict[str, int], scenes: Path, folder: Path) -> Path:
    """The checkpoint of two batches."""
    data = ICLEVR(str(scenes), image_size=16, batch_size=4)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = L.Trainer(max_steps=2, accelerator="cpu", enable_model_summary=False, **quiet)  # type: ignore[arg-type]
    trainer.fit(model_class(class_names=data.class_names, **options), data)
    trainer.save_checkpoint(folder / "model.ckpt")
    return folder / "model.ckpt"


def test_the_table_and_the_curves_are_written(
    script: ModuleType, scenes_folder: Path, evaluator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = {"image_size": 16, "levels": 1, "steps": 1, "hidden": 4, "features": 4, "growth": 2, "blocks": 1}
    checkpoint = trained(ConditionalFlow, tiny, scenes_folder, tmp_path)
    out = tmp_path / "guidance.json"
    arguments = [str(checkpoint), "--data", str(scenes_folder), "--evaluator", str(evaluator_file)]
    script.main([*arguments, "--guidances", "0,2", "--temperatures", "0.5,1", "--out", str(out)])
    content = json.loads(out.read_text())
    pairs = [(row["temperature"], row["guidance"]) for row in content["rows"]]
    assert pairs == [(0.5, 0), (0.5, 2), (1, 0), (1, 2)]
    assert all(0 <= row["score"] <= 1 for row in content["rows"])
    assert content["conditions"] == 3 and content["weights"] == "ema"  # the pictures of one held-out scene
    assert out.with_suffix(".png").is_file()
    best = max(row["score"] for row in content["rows"])
    assert f": {best:.4f}" in capsys.readouterr().out.splitlines()[-1]


def test_the_steps_of_flow_matching_are_those_asked_for(
    script: ModuleType,
    scenes_folder: Path,
    evaluator_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tiny = {"image_size": 16, "levels": 1, "width": 32, "blocks": 1}
    checkpoint = trained(ConditionalFlowMatching, tiny, scenes_folder, tmp_path)
    taken: list[int] = []

    def counted(velocity: Any, x: Any, times: list[float], solver: Any) -> Any:
        taken.append(len(times) - 1)
        return solve(velocity, x, times, solver)

    monkeypatch.setattr("lit_gans.inference.flow_matching.solve", counted)
    out = tmp_path / "steps.json"
    arguments = [str(checkpoint), "--data", str(scenes_folder), "--evaluator", str(evaluator_file), "--steps", "3"]
    script.main([*arguments, "--guidances", "1", "--temperatures", "1", "--out", str(out)])
    assert json.loads(out.read_text())["steps"] == 3 and set(taken) == {3}
