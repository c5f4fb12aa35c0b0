"""`lit-gans push`, and `hf://owner/name` in the place of a checkpoint, against a stand-in for the Hub."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from hub_server import TOKEN, Hub, hub_server
from PIL import Image
from safetensors.torch import load as load_weights
from untrained import NAMES, checkpoint_of, untrained

import lit_gans
from lit_gans import zoo
from lit_gans.cli import main
from lit_gans.commands.model_card import png

constants = pytest.importorskip("huggingface_hub.constants")
NAME = "someone/five-shapes"
SCORES = {
    "schema": 2,
    "model": "ConditionalGAN",
    "images_seen": 0,
    "weights": "ema",
    "evaluators": {"judge.pth": "0123456789abcdef" * 4},
    "object_score": {
        "test": {"judge.pth": {"mean": 0.8125, "std": 0.01, "min": 0.8, "max": 0.83, "draws": [0.8, 0.83]}}
    },
    "extra_objects": {"test": {"judge.pth": 0.0625}},
    "not_measured": ["faces"],
}
RUN = {
    "command": ["lit-gans", "fit", "--config", "conditional_gan_iclevr", "--data.root", "/home/someone/iclevr"],
    "commit": "abc1234",
    "minutes": 12.5,
    "images_seen": 341760,
    "seed": 3,
    "precision": "32-true",
    "devices": 1,
    "machine": {"processor": "a processor", "threads": 2, "gpu": None},
    "versions": {"torch": "2.15.0"},
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_server() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """As a run leaves it: with run.json, config.yaml and, of a test, scores.json."""
    folder = tmp_path / "version_0"
    (folder / "checkpoints").mkdir(parents=True)
    data = {"class_path": "data_modules.iclevr.ICLEVR", "init_args": {"root": "/home/someone/iclevr"}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": data, "model": {}}))
    (folder / "run.json").write_text(json.dumps(RUN))
    (folder / "scores.json").write_text(json.dumps(SCORES))
    return checkpoint_of(untrained("objects"), folder / "checkpoints" / "last.ckpt")


def push(*arguments: object) -> int:
    return main(["push", *map(str, arguments)])


def test_what_is_pushed_draws_what_the_checkpoint_draws(hub: Hub, checkpoint: Path, tmp_path: Path) -> None:
    assert push(checkpoint, NAME, "--license", "mit") == 0
    expected = lit_gans.load(checkpoint).sample([["red cube"]], n=2, seed=1)
    given = lit_gans.load(f"hf://{NAME}").sample([["red cube"]], n=2, seed=1)
    torch.testing.assert_close(given, expected, rtol=0, atol=0)
    arguments = ["--condition", "red cube", "--n", "2", "--seed", "1", "--individual", str(tmp_path / "one")]
    assert main(["sample", f"hf://{NAME}", *arguments, "--out", str(tmp_path / "hub.png")]) == 0
    assert main(["sample", str(checkpoint), *arguments, "--out", str(tmp_path / "file.png")]) == 0
    assert (tmp_path / "hub.png").read_bytes() == (tmp_path / "file.png").read_bytes()
    assert main(["export", "generator", f"hf://{NAME}", str(tmp_path / "generator.ckpt")]) == 0


def test_a_cyclegan_is_pushed_and_loaded_with_both_its_generators(hub: Hub, tmp_path: Path) -> None:
    model = untrained("cyclegan")
    assert push(checkpoint_of(model, tmp_path / "last.ckpt"), NAME, "--license", "mit") == 0
    given, image = lit_gans.load(f"hf://{NAME}"), torch.rand(1, 3, 16, 16) * 2 - 1
    for direction in ("a2b", "b2a"):
        assert torch.equal(given.translate(image, direction), model.translate(image, direction))
    (files,) = hub.commits[NAME]
    assert b"pipeline_tag: image-to-image" in files["README.md"] and b"It translates pictures" in files["README.md"]
    assert {name.split(".")[0] for name in load_weights(files["model.safetensors"])} == set(model.sampling_networks)


def test_it_is_one_commit_of_all_files(hub: Hub, checkpoint: Path) -> None:
    assert push(checkpoint, NAME, "--license", "cc-by-nc-4.0") == 0
    (files,) = hub.commits[NAME]
    named = {"model.safetensors", "config.json", "config.yaml", "run.json", "scores.json", "grid.png", "README.md"}
    assert files.keys() == named
    assert {name.split(".")[0] for name in load_weights(files["model.safetensors"])} == {"generator"}
    assert not any(b"/home/someone" in content for content in files.values())
    assert push(checkpoint, NAME, "--license", "cc-by-nc-4.0") == 0 and len(hub.commits[NAME]) == 2


def test_the_card_says_how_it_came_to_be(hub: Hub, checkpoint: Path) -> None:
    assert push(checkpoint, NAME, "--license", "cc-by-nc-4.0") == 0
    _, head, text = hub.commits[NAME][0]["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(head)["license"] == "cc-by-nc-4.0"
    for fact in (
        *NAMES,
        f'lit_gans.load("hf://{NAME}")',
        "`ICLEVR`, folder `iclevr`",
        "commit: abc1234, seed 3",
        "12.5 minutes, 341760 images, on 1 x a processor (2 threads, 32-true)",
        "| object score, test | 0.8125 (sd 0.0100, 2 draws) | judge.pth, sha256 `0123456789abcdef` |",
        "Not measured: faces.",
        "At most 3 classes in a picture.",
        "Up to 6.2% of the objects in its pictures were asked for by nobody.",
        "](grid.png)",
    ):
        assert fact in text, fact


def test_a_card_without_facts_says_that_there_are_none(hub: Hub, tmp_path: Path) -> None:
    checkpoint = checkpoint_of(untrained("wgan_gp"), tmp_path / "alone.ckpt")
    assert push(checkpoint, NAME, "--license", "mit", "--out", tmp_path / "look") == 0
    assert not hub.asked
    text = (tmp_path / "look" / "README.md").read_text()
    assert "has not been measured" in text and "how it was trained is not recorded" in text


def test_the_card_of_a_generator_of_the_zoo_says_what_its_own_says(hub: Hub, tmp_path: Path) -> None:
    assert push("conditional_gan_iclevr", NAME, "--license", "mit", "--out", tmp_path / "look") == 0
    text, entry = (tmp_path / "look" / "README.md").read_text(), zoo.cards()["conditional_gan_iclevr"]
    ((file, row),) = entry["scores"]["object_score"]["test"].items()
    minutes = f"{zoo.minutes(entry['run']):.4g} minutes, {entry['run']['images_seen']} images"
    for fact in (entry["weak"], entry["data"]["licence"], f"| {row['mean']:.4f} ", file, minutes, "`ICLEVR`"):
        assert fact in text, fact


@pytest.mark.parametrize(
    "refused", ["PUT /blobs", f"POST /api/models/{NAME}/commit", f"POST /api/models/{NAME}/preupload"]
)
def test_a_push_that_fails_leaves_nothing(
    refused: str, hub: Hub, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.refuses.append(refused)
    assert push(checkpoint, NAME, "--license", "mit") == 2
    error = capsys.readouterr().err
    assert "nothing was committed" in error and len(error.strip().splitlines()) == 1
    assert hub.commits[NAME] == []


def test_a_lost_answer_does_not_say_that_nothing_was_committed(
    hub: Hub, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.lost.append(f"POST /api/models/{NAME}/commit")
    assert push(checkpoint, NAME, "--license", "mit") == 2
    error = capsys.readouterr().err
    assert hub.commits[NAME] and "nothing was committed" not in error and len(error.strip().splitlines()) == 1
    assert f"{hub.address}/{NAME}" in error


def test_wrong_words_are_told_in_a_line(
    hub: Hub, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**SCORES, "images_seen": 7}))
    for arguments, message in (
        ([checkpoint, NAME], "--license"),
        ([checkpoint, NAME, "--license", "my own"], "--license 'my own'"),
        ([checkpoint, "name", "--license", "mit"], "expected owner/name"),
        ([checkpoint, NAME, "--license", "mit", "--scores", other], "had seen 7 images"),
        ([tmp_path / "no.ckpt", NAME, "--license", "mit"], "no such file"),
    ):
        assert push(*arguments) == 2
        error = capsys.readouterr().err
        assert message in error and len(error.strip().splitlines()) == 1
    assert not hub.commits


def test_a_wrong_token_is_told(
    hub: Hub, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "wrong")
    assert push(checkpoint, NAME, "--license", "mit") == 2
    assert "hf auth login" in capsys.readouterr().err


def test_without_a_network_it_loads_what_it_has_and_says_what_it_has_not(
    hub: Hub, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(checkpoint, NAME, "--license", "mit") == 0
    lit_gans.load(f"hf://{NAME}")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert lit_gans.load(f"hf://{NAME}").class_names == NAMES
    for arguments in (
        ["sample", "hf://someone/else", "--condition", "red cube"],
        ["push", str(checkpoint), NAME, "--license", "mit"],
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "cannot be reached" in error and len(error.strip().splitlines()) == 1


def test_what_is_no_model_is_told(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.commits["someone/empty"] = [{"README.md": b"nothing"}]
    for given, message in (
        ("hf://someone/empty", "has no model.safetensors"),
        ("hf://someone/else", "no such model"),
        ("hf://someone", "expected hf://owner/name"),
        ("hf://some one/else", "expected hf://owner/name"),
    ):
        assert main(["sample", given, "--condition", "red cube"]) == 2
        error = capsys.readouterr().err
        assert message in error and len(error.strip().splitlines()) == 1


def test_without_the_package_it_says_which_extra_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    assert main(["sample", f"hf://{NAME}", "--condition", "red cube"]) == 2
    assert "lit_gans[hub]" in capsys.readouterr().err


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_the_grid_of_a_card_is_grey_where_the_model_is(channels: int, mode: str) -> None:
    picture = Image.open(io.BytesIO(png(torch.full((channels, 4, 6), 7, dtype=torch.uint8))))
    assert (picture.mode, picture.size, picture.getextrema()) == (
        mode,
        (6, 4),
        (7, 7) if mode == "L" else ((7, 7),) * 3,
    )
