"""benchmarks/single_objects.py: a class that is drawn as one shape shows, whatever is around it."""

import json
import shutil
from pathlib import Path
from types import ModuleType

import lightning as L
import pytest
import torch

from data_modules.iclevr import ICLEVR
from lit_gans.metrics.extractors import random_conv
from lit_gans.models.conditional_gan import ConditionalGAN

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "single_objects.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import single_objects

    return single_objects


def test_a_class_that_became_one_picture_has_no_diversity_and_the_others_keep_theirs(script: ModuleType) -> None:
    real = {name: torch.rand(8, 3, 16, 16) * 2 - 1 for name in ("red cube", "blue cube", "red sphere")}
    drawn = {name: images.flip(0) for name, images in real.items()}
    found = script.figures(real, drawn, random_conv())
    assert found == pytest.approx({"diversity_cube": 1, "diversity_sphere": 1, "frechet": 0}, abs=1e-3)
    drawn["red cube"] = real["red cube"][:1].expand(8, -1, -1, -1)
    found = script.figures(real, drawn, random_conv())
    assert found["diversity_cube"] == pytest.approx(0.5, abs=1e-3)  # the mean over the colours
    assert found["diversity_sphere"] == pytest.approx(1) and found["frechet"] > 0.01


def test_figures_and_pictures_are_written_for_each_checkpoint(
    script: ModuleType, scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(shutil.copytree(scenes_folder, tmp_path / "scenes"))  # the script puts its array file there
    data = ICLEVR(root, batch_size=4)
    model = ConditionalGAN(class_names=data.class_names, width=4, discriminator_width=4)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = L.Trainer(max_steps=1, accelerator="cpu", enable_model_summary=False, **quiet)  # type: ignore[arg-type]
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "gan.ckpt")

    file, out = str(tmp_path / "gan.ckpt"), tmp_path / "out"
    script.main([file, file, "--data", root, "--out", str(out)])
    first, second = json.loads((out / "single_objects.json").read_text())["rows"]
    assert first == second and first["checkpoint"] == "gan.ckpt" and first["frechet"] > 0
    assert (out / "single_objects_0.png").read_bytes() == (out / "single_objects_1.png").read_bytes()
    assert f"frechet {first['frechet']:.3f}" in capsys.readouterr().out
