"""Task 2 of report 003 from the command line, on faces with attributes: draw, interpolate, edit."""

from pathlib import Path

import pytest
from PIL import Image

from lit_gans.cli import main

FLOW = "--model.levels 2 --model.steps 1 --model.hidden 4 --model.features 4 --model.growth 2 --model.blocks 1"


@pytest.fixture(scope="module")
def checkpoint(celeba_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("face_runs")
    arguments = f"""fit --config flow_celeba --data.root {celeba_folder} --data.image_size 16 --data.batch_size 6
        --data.attributes null --data.val_fraction 0.3 {FLOW} --trainer.max_steps 2 --trainer.limit_val_batches 1
        --trainer.accelerator cpu --wandb off --trainer.default_root_dir {runs}"""
    assert main(arguments.split()) == 0
    return runs / "flow_celeba" / "version_0" / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize(
    ("command", "rows", "columns"),
    [
        ("sample CKPT --condition Smiling --condition Beard,Eyeglasses --condition wearing_hat --n 4 --labels", 3, 4),
        ("interpolate CKPT --pairs 3 --steps 5", 3, 5),
        ("edit CKPT --image FACE --attribute Smiling --attribute Eyeglasses --range -2 2", 2, 5),
    ],
)
def test_each_part_of_the_task_leaves_a_labelled_grid(
    command: str, rows: int, columns: int, checkpoint: Path, celeba_folder: Path, tmp_path: Path
) -> None:
    face = sorted((celeba_folder / "img_align_celeba").iterdir())[0]
    words = command.replace("CKPT", str(checkpoint)).replace("FACE", str(face)).split()
    assert main([*words, "--out", str(tmp_path / "grid.png")]) == 0
    width, height = Image.open(tmp_path / "grid.png").size
    assert height == rows * 18 + 2 + (0 if words[0] == "sample" else 19)
    assert width > columns * 18 + 2 + 20  # the names on the left


def test_an_attribute_that_the_run_did_not_have_is_refused(
    checkpoint: Path, celeba_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = next((celeba_folder / "img_align_celeba").iterdir())
    assert main(["edit", str(checkpoint), "--image", str(face), "--attribute", "Smilin"]) == 2
    assert "did you mean 'Smiling'" in capsys.readouterr().err
