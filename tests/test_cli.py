"""The command line from the outside: help, errors, and the way from training to a score."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lit_gans
from data_modules.iclevr import ICLEVR
from lit_gans.cli import COMMANDS, LIGHTNING, main, uncollected
from lit_gans.files import sha256
from lit_gans.inference.evaluator import load_evaluator
from lit_gans.networks.evaluator import object_hits


@pytest.fixture(scope="module")
def run(scenes_folder: Path, evaluator_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny training with a validation score."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = f"""fit --config cdcgan_iclevr --data.root {scenes_folder} --data.image_size 16 --data.batch_size 8
        --model.width 2 --score.evaluator {evaluator_file} --trainer.max_epochs 2 --trainer.accelerator cpu
        --trainer.log_every_n_steps 1 --trainer.default_root_dir {runs} --wandb off --samples.every 3"""
    assert main(arguments.split()) == 0
    return runs / "cdcgan_iclevr" / "version_0"


@pytest.fixture(scope="module")
def checkpoint(run: Path) -> Path:
    return run / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_loads_nothing_but_pythons_own_modules(arguments: list[str]) -> None:
    """So it is there at once: measured in 0.05 s, where torch alone takes seconds."""
    code = """
import sys
before = set(sys.modules)
from lit_gans.cli import main
code = main(sys.argv[1:])
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
assert loaded - sys.stdlib_module_names <= {"lit_gans", "data_modules"}, loaded - sys.stdlib_module_names
sys.exit(code)
"""
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    for command in {**LIGHTNING, **COMMANDS}:
        assert f"\n  {command} " in result.stdout


def test_garbage_is_collected_again_after_an_import_that_failed() -> None:
    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lit_gans {lit_gans.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("paint", r"lit-gans paint: error: no such command; expected one of fit, .*sample"),
        ("fit --config cdcgan_iclever", "no config of that name; there are: cdcgan_iclevr"),
        ("fit --config cdcgan_iclevr --data.root nowhere", "nowhere: no such folder"),
        ("fit --config cdcgan_iclevr --data.root {scenes} --model.schedule.generator 0", "schedule.generator is 0"),
        ("fit --config cdcgan_iclevr --data.root {scenes} --data.image_size 24", "image_size is 24; .*power of two"),
        ("fit --config cdcgan_iclevr --data.root {scenes} --data.val_fraction 2", "data.val_fraction is 2"),
        ("test --ckpt_path nowhere/last.ckpt", "--ckpt_path nowhere/last.ckpt: no such file"),
        ("test --ckpt_path {checkpoint} --score.evaluator nowhere.pth", "evaluator nowhere.pth: no such file"),
        ("test --ckpt_path {checkpoint} --score.evaluator {checkpoint}", "is a checkpoint of CDCGAN"),
        ("sample nowhere.ckpt --condition 'red cube'", "checkpoint nowhere.ckpt: no such file"),
        ("sample {checkpoint} --condition 'red cub'", "unknown object 'red cub': did you mean 'red cube'"),
        ("sample {checkpoint} --condition ' , '", "is not a list of names"),
        ("sample {checkpoint} --condition 'red cube' --n 0", "n is 0"),
        ("export evaluator {checkpoint} out.pth", "is a checkpoint of CDCGAN"),
        ("export evaluator {evaluator} {evaluator}", "exists; choose another name or give --overwrite"),
    ],
)
def test_an_error_is_one_line_that_names_the_fault(
    arguments: str,
    message: str,
    scenes_folder: Path,
    evaluator_file: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import re
    import shlex

    monkeypatch.chdir(tmp_path)
    text = arguments.format(scenes=scenes_folder, checkpoint=checkpoint, evaluator=evaluator_file)
    code = main(shlex.split(text))
    error = capsys.readouterr().err
    assert code == 2
    assert re.search(message, error), error
    assert "Traceback" not in error


def test_a_training_leaves_checkpoints_grids_metrics_and_its_config(run: Path) -> None:
    files = {str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()}
    expected = {
        *("checkpoints/last.ckpt", "checkpoints/best.ckpt", "config.yaml", "metrics.csv", "curves.png"),
        *("samples/0000003.png", "samples/0000006.png", "samples/0000008.png"),
    }
    assert expected <= files
    assert not [file for file in files if file.endswith(".tmp")]
    header = (run / "metrics.csv").read_text().splitlines()[0].split(",")
    counts = {"images_seen", "updates/generator", "updates/discriminator", "images_per_second"}
    assert {"loss/discriminator", "loss/generator", "val/score", *counts} <= set(header)


def test_the_checkpoint_alone_is_enough_to_test_it(
    run: Path,
    checkpoint: Path,
    evaluator_file: Path,
    scenes_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["test", "--ckpt_path", str(checkpoint), "--score.evaluator", str(evaluator_file)]
    assert main([*arguments, "--trainer.default_root_dir", str(tmp_path), "--score.draws", "3"]) == 0
    folder = tmp_path / "cdcgan_iclevr" / "version_0"
    scores = json.loads((folder / "scores.json").read_text())
    for name, slots in (("test", 6 + 2 * 12 + 3 * 14), ("new_test", 2 * 12 + 3 * 20)):
        entry = scores["object_score"][name][evaluator_file.name]
        assert set(entry) == {"mean", "std", "min", "max", "draws"}
        assert len(entry["draws"]) == 3
        assert entry["mean"] == pytest.approx(sum(entry["draws"]) / 3)
        for draw in entry["draws"]:
            assert draw * slots == pytest.approx(round(draw * slots), abs=1e-3)
        grid = Image.open(folder / f"{name}.png")
        assert grid.size == (8 * 18 + 2, 4 * 18 + 2)  # 8 a row, 16 px and 2 px between
    assert scores["seeds"] == [0, 1, 2]
    assert scores["weights"] == "ema"
    assert scores["evaluators"] == {evaluator_file.name: sha256(evaluator_file)}
    assert scores["images_seen"] == 2 * 4 * 8
    assert scores["extra_objects"].keys() == {"test", "new_test"}
    assert all(0 <= share <= 1 for columns in scores["extra_objects"].values() for share in columns.values())
    data = ICLEVR(str(scenes_folder), image_size=16)
    data.setup("test")
    held_out = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
    seen = object_hits(load_evaluator(evaluator_file)(held_out["image"]), held_out["condition"])
    real = seen.sum().item() / held_out["condition"].sum().item()
    assert scores["real_images"] == {evaluator_file.name: pytest.approx(real)} and len(seen) == 3
    quality = scores["quality"]["held_out"]
    assert (quality["extractor"], quality["real"], quality["fake"]) == ("random-conv-v1", 3, 3)
    assert quality["frechet_distance"] > 0 and quality["condition_diversity"] > 0
    printed = capsys.readouterr().out
    assert "new_test" in printed and sha256(evaluator_file) in printed
    assert "extractor random-conv-v1, no resizing, 16x16 px, 3 real and 3 generated pictures" in printed


def test_without_pictures_beside_the_lists_a_test_says_what_is_not_measured(
    checkpoint: Path, scenes_folder: Path, evaluator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("objects.json", "test.json"):
        (tmp_path / name).write_bytes((scenes_folder / name).read_bytes())
    arguments = ["test", "--ckpt_path", str(checkpoint), "--score.evaluator", str(evaluator_file), "--score.draws", "1"]
    arguments += ["--data.root", str(tmp_path), "--data.test_conditions", "[test.json]"]
    assert main([*arguments, "--trainer.default_root_dir", str(tmp_path)]) == 0
    scores = json.loads((tmp_path / "cdcgan_iclevr" / "version_0" / "scores.json").read_text())
    assert scores["quality"] == {} and scores["real_images"] == {}
    assert len(scores["object_score"]["test"][evaluator_file.name]["draws"]) == 1
    assert "not measured: distances to real images: there are none" in capsys.readouterr().out
    assert len(scores["not_measured"]) == 1


def test_a_score_is_the_same_when_it_is_taken_again(checkpoint: Path, evaluator_file: Path, tmp_path: Path) -> None:
    arguments = ["test", "--ckpt_path", str(checkpoint), "--score.evaluator", str(evaluator_file), "--score.draws", "2"]
    for i, precision in enumerate(("32-true", "bf16-mixed")):  # the trainer's precision does not matter
        more = ["--trainer.default_root_dir", str(tmp_path / str(i)), "--trainer.precision", precision]
        assert main([*arguments, *more]) == 0
    one, other = (
        json.loads((tmp_path / str(i) / "cdcgan_iclevr" / "version_0" / "scores.json").read_text()) for i in range(2)
    )
    assert one == other


def test_several_evaluators_and_lists_each_get_their_column(
    checkpoint: Path, evaluator_file: Path, tmp_path: Path
) -> None:
    second, mine = tmp_path / "b.pth", tmp_path / "mine.json"
    second.write_bytes(evaluator_file.read_bytes())
    mine.write_text('[["red cube"], ["blue sphere", "gray cylinder"]]')
    arguments = ["test", "--ckpt_path", str(checkpoint), "--score.evaluator", f"[{evaluator_file}, {second}]"]
    arguments += ["--data.test_conditions", f"[test.json, {mine}]", "--score.draws", "1"]
    assert main([*arguments, "--trainer.default_root_dir", str(tmp_path)]) == 0
    scores = json.loads((tmp_path / "cdcgan_iclevr" / "version_0" / "scores.json").read_text())
    lists = scores["object_score"]
    assert set(lists["test"]) == set(lists["mine"]) == {evaluator_file.name, "b.pth"}
    assert lists["test"]["b.pth"]["draws"] == lists["test"][evaluator_file.name]["draws"]


def test_validate_prints_the_score_on_held_out_scenes(
    checkpoint: Path, evaluator_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["validate", "--ckpt_path", str(checkpoint), "--score.evaluator", str(evaluator_file)]
    assert main([*arguments, "--trainer.default_root_dir", str(tmp_path)]) == 0
    assert "val/score" in capsys.readouterr().out


def test_predict_writes_a_picture_for_each_condition(checkpoint: Path, tmp_path: Path) -> None:
    assert main(["predict", "--ckpt_path", str(checkpoint), "--trainer.default_root_dir", str(tmp_path)]) == 0
    for name in ("test", "new_test"):
        pictures = sorted((tmp_path / "cdcgan_iclevr" / "version_0" / "predictions" / name).iterdir())
        assert [file.name for file in pictures] == [f"{row:03d}.png" for row in range(32)]
        assert Image.open(pictures[0]).size == (16, 16)


def test_sample_writes_a_row_for_each_condition_and_single_pictures(checkpoint: Path, tmp_path: Path) -> None:
    grid, single = tmp_path / "deep" / "grid.png", tmp_path / "single"
    arguments = ["sample", str(checkpoint), "--n", "3", "--seed", "5", "--out", str(grid), "--individual", str(single)]
    assert main([*arguments, "--condition", "red cube, blue sphere", "--condition", "Gray  cylinder"]) == 0
    model = lit_gans.load(checkpoint)
    images = model.sample([["red cube", "blue sphere"], ["gray cylinder"]], n=3, seed=5)
    names = ["red-cube_blue-sphere"] * 3 + ["gray-cylinder"] * 3
    files = [single / f"{i:03d}_{name}.png" for i, name in enumerate(names)]
    assert sorted(single.iterdir()) == sorted(files)
    for file, image in zip(files, images, strict=True):
        expected = ((image + 1) * 127.5).round().clamp(0, 255).permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(np.asarray(Image.open(file)), expected)
    drawn = np.asarray(Image.open(grid))
    assert drawn.shape == (2 * 18 + 2, 3 * 18 + 2, 3)
    np.testing.assert_array_equal(drawn[2:18, 2:18], np.asarray(Image.open(files[0])))


def test_export_writes_the_courses_layout(evaluator_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pth"
    assert main(["export", "evaluator", str(evaluator_file), str(out)]) == 0
    state = torch.load(out, weights_only=True)
    assert set(state) == {"model"}
    original = torch.load(evaluator_file, weights_only=True)["model"]
    assert list(state["model"]) == list(original)
    assert all(torch.equal(state["model"][key], original[key]) for key in original)


def test_the_command_line_wins_over_the_checkpoint(scenes_folder: Path, checkpoint: Path, tmp_path: Path) -> None:
    arguments = f"""fit --config cdcgan_iclevr --data.root {scenes_folder} --data.image_size 16 --data.batch_size 8
        --model.width 2 --model.lr_generator 0.125 --ckpt_path {checkpoint} --trainer.max_epochs 3
        --trainer.accelerator cpu --trainer.default_root_dir {tmp_path} --wandb off"""
    assert main(arguments.split()) == 0
    saved = tmp_path / "cdcgan_iclevr" / "version_0" / "checkpoints" / "last.ckpt"
    content = torch.load(saved, weights_only=True)
    assert content["hyper_parameters"]["lr_generator"] == 0.125
    rates = [state["param_groups"][0]["lr"] for state in content["optimizer_states"]]
    assert rates == [0.125, 2e-4]  # the generator's, and the discriminator's as it was
