"""CycleGAN from the command line: a test reports both directions; tests/test_contract.py has what all models do."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lit_gans
from lit_gans.cli import main
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.metrics.quality import PictureQuality
from lit_gans.networks.evaluator import EvaluatorNetwork
from lit_gans.scoring.extractors import load_extractor

STEPS = 4


def arguments(animals: Path, runs: Path) -> list[str]:
    networks = "--model.width 2 --model.blocks 1 --model.discriminator_width 2 --model.discriminator_layers 2"
    data = "--data.image_size 20 --data.load_size 24 --data.batch_size 2 --wandb off"
    trainer = f"--trainer.accelerator cpu --trainer.default_root_dir {runs} --trainer.max_steps {STEPS}"
    config = ["fit", "--config", "cyclegan_horse2zebra", "--data.root", str(animals)]
    return [*config, *f"{networks} {data} {trainer} --samples.every 1000".split()]


def last_checkpoint(runs: Path) -> Path:
    return runs / "cyclegan_horse2zebra" / "version_0" / "checkpoints" / "last.ckpt"


def pictures_of(folder: Path) -> torch.Tensor:
    """(B, 3, H, W) in [-1, 1]: the files of a folder in the order of their names."""
    pixels = [np.asarray(Image.open(file)) for file in sorted(folder.iterdir())]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) / 127.5 - 1


@pytest.fixture(scope="module")
def run(animals_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs folder of a whole training."""
    runs = tmp_path_factory.mktemp("runs")
    assert main(arguments(animals_folder, runs)) == 0
    return runs


def test_a_test_reports_both_directions_and_draws_them(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["test", "--ckpt_path", str(last_checkpoint(run)), "--trainer.default_root_dir", str(tmp_path)]
    assert main(command) == 0
    folder = tmp_path / "cyclegan_horse2zebra" / "version_0"
    scores = json.loads((folder / "scores.json").read_text())
    for direction in ("a2b", "b2a"):
        report = scores["translation"][direction]
        assert report["extractor"] == "random-conv-v1"
        assert (report["real"], report["fake"]) == (3, 3)
        assert report["frechet_distance"] > 0 and set(report["kernel_distance"]) == {"mean", "std"}
        assert 0 < report["cycle_l1"] < 2
        picture = np.asarray(Image.open(folder / f"{direction}.png"))
        assert picture.shape == (3 * 22 + 2, 3 * 22 + 2, 3)  # three pictures of 20 px in each of three rows
    assert scores["images_seen"] == STEPS * 4
    printed = capsys.readouterr().out
    for direction in ("a2b", "b2a"):
        assert re.search(rf"{direction}: cycle L1 {scores['translation'][direction]['cycle_l1']:.4f}", printed)
    assert printed.count("extractor random-conv-v1, no resizing, 20x20 px, 3 real and 3 generated") == 2


def test_the_report_is_that_of_the_pictures_themselves(animals_folder: Path, run: Path, tmp_path: Path) -> None:
    """Cycle L1 and the distance of the two folders, computed here from the files alone."""
    command = ["test", "--ckpt_path", str(last_checkpoint(run)), "--trainer.default_root_dir", str(tmp_path)]
    assert main([*command, "--data.image_size", "24", "--data.eval_batch_size", "2"]) == 0
    scores = json.loads((tmp_path / "cyclegan_horse2zebra" / "version_0" / "scores.json").read_text())
    model = lit_gans.load(last_checkpoint(run))
    horses, zebras = pictures_of(animals_folder / "testA"), pictures_of(animals_folder / "testB")
    untranslated = PictureQuality(load_extractor())
    untranslated.update(horses, real=False)
    untranslated.update(zebras, real=True)
    expected = untranslated.compute()
    for images, there, back in ((horses, "a2b", "b2a"), (zebras, "b2a", "a2b")):
        found = scores["translation"][there]["untranslated"]
        assert found["frechet_distance"] == pytest.approx(expected["frechet_distance"], rel=1e-4)
        assert found["kernel_distance"]["mean"] == pytest.approx(expected["kernel_distance"]["mean"], rel=1e-4)
        error = (model.translate(model.translate(images, there), back) - images).abs().mean().item()
        assert scores["translation"][there]["cycle_l1"] == pytest.approx(error, abs=1e-5)


@pytest.fixture
def judge(tmp_path: Path) -> Path:
    """A classifier that calls bright pictures zebras."""
    network = EvaluatorNetwork(2, 4)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        network.fc[0].weight.copy_(torch.tensor([[-1.0], [1.0]]).expand(2, 32))  # type: ignore[index]
    torch.save({"model": network.state_dict()}, tmp_path / "judge.pth")
    return tmp_path / "judge.pth"


def test_a_judge_calls_originals_translations_and_cycled_pictures(
    animals_folder: Path, run: Path, judge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the classifier itself does of the pictures of the files."""
    command = ["test", "--ckpt_path", str(last_checkpoint(run)), "--trainer.default_root_dir", str(tmp_path)]
    assert main([*command, "--data.image_size", "24", "--score.evaluator", str(judge)]) == 0
    printed = capsys.readouterr().out
    scores = json.loads((tmp_path / "cyclegan_horse2zebra" / "version_0" / "scores.json").read_text())
    assert scores["not_measured"] == []
    model, sees = lit_gans.load(last_checkpoint(run)), load_evaluator(judge)
    for folder, there, back in (("testA", "a2b", "b2a"), ("testB", "b2a", "a2b")):
        images = pictures_of(animals_folder / folder)
        translated = model.translate(images, there)
        kinds = {"original": images, "translated": translated, "cycled": model.translate(translated, back)}
        called = scores["translation"][there]["called"]["judge.pth"]
        assert called.keys() == kinds.keys()
        for kind, pictures in kinds.items():
            seen = (sees(pictures).argmax(dim=1) == 1).float().mean().item()
            assert called[kind] == {"A": pytest.approx(1 - seen), "B": pytest.approx(seen)}
        frame = torch.ones(24, 24, dtype=torch.bool)
        frame[3:21, 3:21] = False
        change = (translated - images).abs()[..., frame].mean().item()
        assert scores["translation"][there]["ground_change"] == pytest.approx(change, abs=1e-5)
        target = "AB"[there == "a2b"]
        assert (
            f"{there}: called {target} by judge.pth: original {called['original'][target]:.3f}, translated" in printed
        )


def test_a_judge_of_other_classes_is_refused(
    run: Path, evaluator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["test", "--ckpt_path", str(last_checkpoint(run)), "--trainer.default_root_dir", str(tmp_path)]
    assert main([*command, "--score.evaluator", str(evaluator_file)]) == 2
    assert "classes; a translation is judged by a classifier of two" in capsys.readouterr().err


def test_predict_says_what_to_use_instead(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "--ckpt_path", str(last_checkpoint(run))]) == 2
    assert "lit-gans translate" in capsys.readouterr().err


def test_sample_grids_hold_three_rows_for_each_domain(run: Path) -> None:
    picture = Image.open(run / "cyclegan_horse2zebra" / "version_0" / "samples" / f"{STEPS:07d}.png")
    assert picture.size == (8 * 22 + 2, 6 * 22 + 2)
