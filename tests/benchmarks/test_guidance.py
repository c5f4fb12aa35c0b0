"""benchmarks/guidance.py: held-out conditions, a row for each pair, the same noise in all."""

import json
from pathlib import Path
from types import ModuleType

import lightning as L
import pytest

from data_modules.iclevr import ICLEVR
from lit_gans.models.flow import ConditionalFlow

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "guidance.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import guidance

    return guidance


def test_the_table_and_the_curves_are_written(
    script: ModuleType, scenes_folder: Path, evaluator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ICLEVR(str(scenes_folder), image_size=16, batch_size=4)
    tiny = {"image_size": 16, "levels": 1, "steps": 1, "hidden": 4, "features": 4, "growth": 2, "blocks": 1}
    model = ConditionalFlow(class_names=data.class_names, **tiny)  # type: ignore[arg-type]
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = L.Trainer(max_steps=2, accelerator="cpu", enable_model_summary=False, **quiet)  # type: ignore[arg-type]
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "flow.ckpt")

    out = tmp_path / "guidance.json"
    arguments = [str(tmp_path / "flow.ckpt"), "--data", str(scenes_folder), "--evaluator", str(evaluator_file)]
    script.main([*arguments, "--guidances", "0,2", "--temperatures", "0.5,1", "--out", str(out)])
    content = json.loads(out.read_text())
    pairs = [(row["temperature"], row["guidance"]) for row in content["rows"]]
    assert pairs == [(0.5, 0), (0.5, 2), (1, 0), (1, 2)]
    assert all(0 <= row["score"] <= 1 for row in content["rows"])
    assert content["conditions"] == 3 and content["weights"] == "ema"  # the pictures of one held-out scene
    assert out.with_suffix(".png").is_file()
    best = max(row["score"] for row in content["rows"])
    assert f": {best:.4f}" in capsys.readouterr().out.splitlines()[-1]
