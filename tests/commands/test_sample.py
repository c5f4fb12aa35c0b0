"""`lit-gans sample` and the options that not every model has; tests/test_cli.py has the others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import lit_gans
from lit_gans.cli import main
from lit_gans.pictures import grid

CONDITIONS = ["--condition", "red cube, blue sphere", "--condition", "gray cylinder"]
NAMES = [["red cube", "blue sphere"], ["gray cylinder"]]


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (["--temperature", "0.5"], {"temperature": 0.5}),
        (["--guidance", "1.5", "--raw"], {"guidance": 1.5, "ema": False}),
    ],
)
def test_temperature_and_guidance_reach_the_flow(
    arguments: list[str], options: dict[str, float], flow_checkpoint: Path, tmp_path: Path
) -> None:
    out = tmp_path / "grid.png"
    command = ["sample", str(flow_checkpoint), *CONDITIONS, "--n", "3", "--seed", "5", "--out", str(out), *arguments]
    assert main(command) == 0
    expected = grid(lit_gans.load(flow_checkpoint).sample(NAMES, n=3, seed=5, **options), 3).permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(Image.open(out)).astype(int) - expected.astype(int)).max() <= 1


def test_labels_are_written_beside_the_rows(flow_checkpoint: Path, tmp_path: Path) -> None:
    plain, labelled = tmp_path / "plain.png", tmp_path / "labelled.png"
    command = ["sample", str(flow_checkpoint), *CONDITIONS, "--n", "3", "--seed", "5"]
    assert main([*command, "--out", str(plain)]) == main([*command, "--labels", "--out", str(labelled)]) == 0
    one, other = np.asarray(Image.open(plain)), np.asarray(Image.open(labelled))
    left = other.shape[1] - one.shape[1]
    np.testing.assert_array_equal(other[:, left:], one)
    for row in (other[:20, :left], other[20:, :left]):
        assert row.min() < 50  # letters


def test_a_gan_has_a_temperature_and_says_that_it_has_no_guidance(
    scenes_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"""fit --config cdcgan_iclevr --data.root {scenes_folder} --data.image_size 16 --data.batch_size 8
        --model.width 2 --trainer.max_steps 1 --trainer.limit_val_batches 0 --trainer.accelerator cpu
        --trainer.default_root_dir {tmp_path} --wandb off"""
    assert main(arguments.split()) == 0
    checkpoint = tmp_path / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt"
    out = tmp_path / "grid.png"
    command = ["sample", str(checkpoint), *CONDITIONS, "--n", "3", "--out", str(out)]
    assert main([*command, "--temperature", "0"]) == 0
    alike = lit_gans.load(checkpoint).sample(NAMES, n=3, temperature=0)
    np.testing.assert_array_equal(np.asarray(Image.open(out)), grid(alike, 3).permute(1, 2, 0).numpy())
    assert main([*command, "--guidance", "1"]) == 2
    assert "holds a CDCGAN, which has no guidance; leave it out" in capsys.readouterr().err


def test_a_guidance_without_meaning_is_refused(flow_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", str(flow_checkpoint), *CONDITIONS, "--guidance", "-1"]) == 2
    assert "guidance is -1.0; expected a finite number of at least 0" in capsys.readouterr().err
