"""benchmarks/stripes.py: the classifier goes by stripes, the background is the background, the whole way runs."""

import json
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "stripes.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    import stripes

    return stripes


def test_the_classifier_tells_new_animals_apart_by_their_stripes_and_not_by_colour(script: ModuleType) -> None:
    classifier = script.train_classifier(64, count=40, steps=60, batch=16)
    plain, striped = (script.images_of(script.animals(kind, 30, 64, seed=0)) for kind in (False, True))
    assert script.share_of_zebras(classifier, plain) <= 0.1
    assert script.share_of_zebras(classifier, striped) >= 0.9
    grey = striped.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    torch.testing.assert_close(classifier(grey), classifier(striped), rtol=1e-3, atol=1e-3)


def test_the_background_is_where_nothing_of_the_animal_is(script: ModuleType) -> None:
    some = script.animals(False, 3, 32, seed=0)
    images = script.images_of(some)
    cover = torch.stack([torch.from_numpy(animal.cover) for animal in some])[:, None]
    on_animals = images + 0.5 * (cover > 0)
    assert script.background_l1(images, on_animals, some) == 0
    everywhere = images + 0.25
    assert script.background_l1(images, everywhere, some) == pytest.approx(0.25, abs=1e-5)


def test_the_way_from_nothing_to_the_figures(script: ModuleType, tmp_path: Path) -> None:
    networks = "--model.width 2 --model.blocks 1 --model.discriminator_width 2 --trainer.accelerator cpu".split()
    arguments = ["--out", str(tmp_path), "--train", "8", "--test", "8", "--steps", "2"]
    script.train_classifier = lambda size, count: script.StripeClassifier(2).eval()
    script.main([*arguments, "--", *networks])
    scores = json.loads((tmp_path / "stripes.json").read_text())
    assert scores["batches"] == 2 and scores["images_seen"] == 2 * 2 * 2
    assert set(scores["seen_as_zebra"]) == {"plain", "plain_translated", "striped", "striped_translated"}
    assert 0 < scores["background_l1"]["a2b"] < 2 and scores["training_seconds"] > 0
    assert Image.open(tmp_path / "stripes.png").size == (8 * 66 + 2, 6 * 66 + 2)

    (checkpoint,) = tmp_path.rglob("last.ckpt")
    for seed in (0, 1):
        arguments = ["--checkpoint", checkpoint, "--test-seed", seed, "--test", 8, "--out", tmp_path / str(seed)]
        script.main(list(map(str, arguments)))
    same, other = (json.loads((tmp_path / str(seed) / "stripes.json").read_text()) for seed in (0, 1))
    assert same["background_l1"] == scores["background_l1"] != other["background_l1"]
    assert same["images_seen"] == 2 * 2 * 2 and "training_seconds" not in same


def test_animals_that_the_classifier_has_seen_are_no_test(
    script: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit):
        script.main(["--test-seed", "1000", "--out", str(tmp_path)])
    assert "the classifier is trained on these animals" in capsys.readouterr().err


def test_the_number_of_batches_follows_from_the_time(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds of starting and half a second a batch: what counts is the batches."""

    def fit(data: Path, runs: Path, steps: int, options: list[str]) -> tuple[Path, float]:
        return runs, 10 + 0.5 * steps

    monkeypatch.setattr(script, "fit", fit)
    assert script.batches_in(900, Path("data"), []) == 1800
