"""The scoring callback: what it measures of each kind of model, what it writes and prints, and what it leaves alone."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import lit_gans
from data_modules.anime_faces import AnimeFaces
from data_modules.iclevr import ICLEVR
from data_modules.image_folder import ImageFolder
from lit_gans.errors import InputError
from lit_gans.inference.evaluator import FrozenEvaluator
from lit_gans.networks.evaluator import EvaluatorNetwork
from lit_gans.scoring.score import Score, per_row

TINY: dict[str, Any] = {"image_size": 16, "latent_dim": 5, "width": 4}
MakeTrainer = Callable[..., L.Trainer]


def model(name: str, **options: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return getattr(lit_gans, name)(**(TINY | options))


def written(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text())


class TestValidation:
    def test_the_kernel_distance_of_a_model_without_conditions_is_logged(
        self, faces: AnimeFaces, trainer: MakeTrainer
    ) -> None:
        run = trainer(Score(), max_steps=3)
        run.fit(model("DCGAN"), faces)
        assert run.logged_metrics["val/kernel_distance"] > 0

    def test_it_is_nearly_0_for_the_pictures_themselves(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        made = model("DCGAN")
        made.preview = lambda batch, seed: batch["image"]
        (found,) = trainer(Score()).validate(made, faces, verbose=False)
        made.preview = lambda batch, seed: batch["image"].flip(1)
        (other,) = trainer(Score()).validate(made, faces, verbose=False)
        # unbiased, so below 0 for equal sets
        assert found["val/kernel_distance"] <= 0 and other["val/kernel_distance"] > found["val/kernel_distance"]

    def test_the_object_score_is_that_of_all_held_out_images_whatever_their_batches(
        self, tagged: AnimeFaces, tag_classifier: Path, trainer: MakeTrainer
    ) -> None:
        """The classifier always sees red hair and green eyes."""
        tagged.eval_batch_size = 4  # of 6
        (found,) = trainer(Score(str(tag_classifier))).validate(
            model("TagDCGAN", image_size=32, class_names=tagged.class_names), tagged, verbose=False
        )
        rows = tagged.conditions()[tagged.val_rows]
        assert found.pop("val/score") == pytest.approx(rows[:, [5, 19]].mean().item())
        assert found.keys() == {"val/kernel_distance", "val/diversity"}

    def test_without_an_evaluator_the_distance_to_the_held_out_images_is_measured(
        self, tagged: AnimeFaces, trainer: MakeTrainer
    ) -> None:
        made = model("TagDCGAN", image_size=32, class_names=tagged.class_names)
        (found,) = trainer(Score()).validate(made, tagged, verbose=False)
        assert found.keys() == {"val/kernel_distance", "val/diversity"} and found["val/kernel_distance"] > 0


class TestTheEvaluatorStaysOutside:
    def test_it_is_in_no_parameters_state_or_modules_and_changes_nothing_of_the_training(
        self, trainer: MakeTrainer, evaluator_file: Path
    ) -> None:
        data = [{"image": torch.rand(6, 3, 8, 8) * 2 - 1, "condition": torch.eye(24)[:6]} for _ in range(2)]
        loader: Any = DataLoader(data, batch_size=None)  # type: ignore[arg-type]
        trained = []
        for file in (None, str(evaluator_file)):
            made, score = model("CDCGAN", image_size=8), Score(file)
            L.seed_everything(1, verbose=False)
            run = trainer(score, max_epochs=2)
            run.fit(made, loader, loader)
            trained.append(dict(made.state_dict()))
        torch.testing.assert_close(trained[0], trained[1], rtol=0, atol=0)
        assert 0 <= run.logged_metrics["val/score"] <= 1
        (evaluator,) = score.evaluators
        inside = {id(p) for p in made.parameters()} | {id(m) for m in made.modules()}
        network = evaluator.network
        assert not inside & ({id(p) for p in network.parameters()} | {id(m) for m in network.modules()})
        assert all(p.grad is None and not p.requires_grad for p in network.parameters())
        assert not any(module.training for module in network.modules())


class CountsPictures:
    """Stands in for OpenCV's detector, which tests need not have: always 20 faces."""

    def __call__(self, picture: Any) -> int:
        assert picture.shape == (480, 640)
        return 20


class TestDistances:
    @pytest.mark.parametrize("name", ["DCGAN", "LSGAN"])
    def test_they_are_written_with_what_they_were_measured_with(
        self, name: str, faces: AnimeFaces, trainer: MakeTrainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        trainer(Score()).test(model(name), faces, verbose=False)
        scores = written(tmp_path)
        assert scores["quality"].keys() == {"train"}  # the set that is compared with
        quality = scores["quality"]["train"]
        assert (quality["real"], quality["fake"], quality["image_size"]) == (18, 18, "16x16")
        assert quality["frechet_distance"] > 0 and {"spread", "nearest"} <= quality["diversity"].keys()
        assert (scores["model"], scores["weights"], scores["temperature"]) == (name, "ema", 1)
        assert "face_count" not in scores and scores["not_measured"] == []
        printed = " ".join(capsys.readouterr().out.split())
        assert "train: Frechet distance" in printed and quality["extractor"] in printed and "18 real" in printed
        assert "temperature" not in printed
        assert (tmp_path / "samples.png").is_file()

    def test_real_pictures_against_themselves_have_no_distance(
        self, faces: AnimeFaces, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        made = model("DCGAN")
        made.preview = lambda batch, seed: batch["image"]
        trainer(Score()).test(made, faces, verbose=False)
        quality = written(tmp_path)["quality"]["train"]
        assert quality["frechet_distance"] == pytest.approx(0, abs=1e-4)
        assert quality["diversity"]["spread"] == pytest.approx(1, abs=1e-4)

    def test_faces_are_counted_in_whole_grids(
        self, faces_folder: Path, trainer: MakeTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("lit_gans.metrics.face_count.CascadeDetector", lambda file: CountsPictures())
        made = model("DCGAN")
        made.preview = lambda batch, seed: torch.zeros(30, 3, 16, 16)
        data = AnimeFaces(str(faces_folder), image_size=16, test_split="all", eval_batch_size=12)
        trainer(Score(face_cascade="cascade.xml")).test(made, data, verbose=False)
        count = written(tmp_path)["face_count"]
        assert (count["mean"], count["grids"], count["of"]) == (20.0, 2, 25)  # 60 pictures

    def test_a_missing_cascade_is_named_before_anything_is_drawn(self, faces: AnimeFaces, trainer: MakeTrainer) -> None:
        with pytest.raises(InputError, match=r"face cascade none\.xml: no such file"):
            trainer(Score(face_cascade="none.xml")).test(model("DCGAN"), faces, verbose=False)


@pytest.fixture
def tag_classifier(tmp_path: Path) -> Path:
    """A classifier of 23 tags that always sees red hair and green eyes."""
    network = EvaluatorNetwork(23)
    head = network.fc[0]  # type: ignore[index]
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.bias[5] = head.bias[12 + 7] = 3
    torch.save({"model": network.state_dict()}, tmp_path / "tags.pth")
    return tmp_path / "tags.pth"


class TestTags:
    @pytest.mark.parametrize("name", ["TagDCGAN", "ConditionalGAN"])
    def test_accuracy_is_the_share_of_pictures_with_the_asked_tag(
        self,
        name: str,
        tagged: AnimeFaces,
        tag_classifier: Path,
        trainer: MakeTrainer,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Whichever model draws, a key has one meaning."""
        monkeypatch.setattr("lit_gans.metrics.face_count.CascadeDetector", lambda file: CountsPictures())
        options: dict[str, Any] = {"image_size": 32, "class_names": tagged.class_names, "temperature": 0.5}
        made = (
            model(name, **options)
            if name == "TagDCGAN"
            else lit_gans.ConditionalGAN(23, architecture="modulated", width=16, discriminator_width=2, **options)
        )
        score = Score(
            str(tag_classifier),
            draws=2,
            face_cascade="cascade.xml",
            class_names=tagged.class_names,
            class_groups=tagged.class_groups,
        )
        tagged.test_split = "all"
        trainer(score).test(made, tagged, verbose=False)
        scores = written(tmp_path)
        accuracy = {key: columns["tags.pth"] for key, columns in scores["tag_accuracy"].items()}
        # of the 132 pairs 11 have red hair and 12 have green eyes; of the three testing tags none
        assert accuracy["all_pairs"]["hair"]["draws"] == pytest.approx([11 / 132] * 2)
        assert accuracy["all_pairs"]["eyes"]["draws"] == pytest.approx([12 / 132] * 2)
        assert accuracy["testing_tags"]["hair"]["mean"] == accuracy["testing_tags"]["eyes"]["mean"] == 0
        # of real pictures, those alone that no training saw: what the classifier is worth
        rows = tagged.conditions()[tagged.val_rows]
        real = scores["real_tag_accuracy"]["tags.pth"]
        assert real == pytest.approx({"hair": rows[:, 5].mean().item(), "eyes": rows[:, 19].mean().item()})
        assert scores["real_images"]["tags.pth"] == pytest.approx(rows[:, [5, 19]].mean().item())
        # each distance names its reference set; faces are those of the first
        assert {key: quality["real"] for key, quality in scores["quality"].items()} == {"all": 24, "held_out": 6}
        assert scores["face_count"] is None  # 24 images fill no grid
        assert scores["temperature"] == 0.5
        printed = capsys.readouterr().out
        assert "all_pairs: eyes as asked 0.0909 of 132 pictures, 2 draws" in printed
        assert "images drawn with temperature 0.5" in printed
        assert "faces: not measured, a count needs at least 25 images" in printed
        for grid in ("samples", "testing_tags", "all_pairs"):
            assert (tmp_path / f"{grid}.png").is_file()

    def test_real_pictures_are_not_counted_with_the_list_called_held_out(
        self, pictures_folder: Path, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        """Class folders have a kind of tag, real held-out pictures, and a list of that name; the classifier sees a cat
        in whatever is drawn (black pictures) and a dog in whatever is not black."""

        class Sees(nn.Linear):
            def forward(self, image: Tensor) -> Tensor:
                cat = (image.amax(dim=(1, 2, 3)) == -1).float()
                return torch.stack([cat, 1 - cat], dim=1)

        data = ImageFolder(str(pictures_folder), image_size=16, val_fraction=0.5)
        score = Score(draws=2, class_names=data.class_names, class_groups=data.class_groups)
        score.evaluators = [FrozenEvaluator("sees.pth", "", Sees(1, 2))]
        made = model("CDCGAN", num_classes=2, class_names=data.class_names)
        made.preview = lambda batch, seed: -torch.ones(len(batch["condition"]), 3, 16, 16)
        trainer(score).test(made, data, verbose=False)
        scores = written(tmp_path)
        held_out = data.lists()["held_out"]
        drawn = scores["tag_accuracy"]["held_out"]["sees.pth"]["class"]["draws"]
        assert drawn == pytest.approx([held_out[:, 0].mean().item()] * 2)
        assert scores["real_tag_accuracy"]["sees.pth"]["class"] == pytest.approx(held_out[:, 1].mean().item())

    def test_a_classifier_of_another_order_is_refused(
        self, tagged: AnimeFaces, tag_classifier: Path, trainer: MakeTrainer
    ) -> None:
        content = torch.load(tag_classifier, weights_only=True)
        content["hyper_parameters"] = {"class_names": sorted(tagged.class_names)}
        torch.save(content, tag_classifier)
        made = model("TagDCGAN", image_size=32, class_names=tagged.class_names)
        with pytest.raises(InputError, match="trained with other classes or another order"):
            trainer(Score(str(tag_classifier), class_names=tagged.class_names)).test(made, tagged, verbose=False)


class TestProperties:
    def test_the_object_score_is_told_for_each_colour_and_shape_that_was_asked_for(
        self, scenes_folder: Path, trainer: MakeTrainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A classifier that is sure of every cube, and of nothing else, whatever is drawn."""
        data = ICLEVR(str(scenes_folder), image_size=16)
        is_cube = torch.tensor([float(name.endswith("cube")) for name in data.class_names])

        class Sees(nn.Linear):
            def forward(self, image: Tensor) -> Tensor:
                return is_cube.expand(len(image), -1)

        score = Score(draws=2, class_names=data.class_names, class_properties=data.class_properties)
        score.evaluators = [FrozenEvaluator("sees.pth", "", Sees(1, 24))]
        trainer(score).test(model("CDCGAN", class_names=data.class_names), data, verbose=False)
        scores = written(tmp_path)
        asked = data.lists()["test"]
        # the k highest of an image's outputs: cubes in the order of their indices, then the rest in theirs
        order = torch.argsort(is_cube, descending=True, stable=True).tolist()
        hits = torch.zeros_like(asked)
        for row, wanted in zip(hits, asked, strict=True):
            row[order[: int(wanted.sum())]] = 1
        hits *= asked
        found = scores["object_score_by"]["test"]["sees.pth"]
        for kind, place in (("colour", 0), ("shape", 1)):
            values = {name.split()[place] for name in data.class_names}
            of = {value: [i for i, name in enumerate(data.class_names) if value in name.split()] for value in values}
            expected = {v: (hits[:, c].sum() / asked[:, c].sum()).item() for v, c in of.items() if asked[:, c].sum()}
            assert found[kind] == pytest.approx(expected)
        assert found["shape"]["cube"] > found["shape"]["sphere"]
        assert re.search(rf"│   cube +│ +│ {found['shape']['cube']:.4f} │", capsys.readouterr().out)

    def test_without_properties_nothing_of_them_is_told(
        self, scenes_folder: Path, evaluator_file: Path, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        data = ICLEVR(str(scenes_folder), image_size=16)
        trainer(Score(str(evaluator_file), draws=1)).test(model("CDCGAN"), data, verbose=False)
        assert "object_score_by" not in written(tmp_path)


class TestWithoutEvaluator:
    """A test measures what it can, and says what it could not."""

    def test_of_a_conditional_gan(
        self, scenes_folder: Path, trainer: MakeTrainer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        data = ICLEVR(str(scenes_folder), image_size=16)
        trainer(Score(draws=2)).test(model("CDCGAN", class_names=data.class_names), data, verbose=False)
        scores = written(tmp_path)
        assert scores["quality"]["held_out"]["condition_diversity"] > 0 and "object_score" not in scores
        (missing,) = scores["not_measured"]
        assert missing == "object scores, without a scoring classifier: give --score.evaluator FILE"
        assert f"not measured: {missing}" in capsys.readouterr().out
        assert (tmp_path / "test.png").is_file() and (tmp_path / "new_test.png").is_file()

    def test_of_a_model_without_conditions_on_data_with_lists(
        self, scenes_folder: Path, trainer: MakeTrainer, tmp_path: Path
    ) -> None:
        trainer(Score()).test(model("DCGAN"), ICLEVR(str(scenes_folder), image_size=16), verbose=False)
        scores = written(tmp_path)
        assert scores["quality"]["held_out"]["real"] == 3
        assert scores["not_measured"] == [
            f"condition list {name}: a DCGAN draws without conditions" for name in ("test", "new_test")
        ]

    def test_of_an_evaluator(self, scenes_folder: Path, trainer: MakeTrainer, tmp_path: Path) -> None:
        data = ICLEVR(str(scenes_folder), image_size=32)
        made = lit_gans.Evaluator(class_names=data.class_names)
        run = trainer(Score())
        run.test(made, data, verbose=False)
        (found,) = trainer(Score()).validate(made, data, verbose=False)
        scores = written(tmp_path)
        assert scores["held_out_score"] == pytest.approx(found["val/score"]) and scores["not_measured"] == []


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "message"),
        [({"draws": 0}, "score.draws is 0; expected"), ({"draw_seed": -1}, "score.draw_seed is -1; expected")],
    )
    def test_options_without_meaning(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            Score(**options)

    def test_an_evaluator_for_a_model_without_conditions(
        self, faces: AnimeFaces, trainer: MakeTrainer, evaluator_file: Path
    ) -> None:
        with pytest.raises(InputError, match="a DCGAN draws nothing for conditions that it could score"):
            trainer(Score(str(evaluator_file))).test(model("DCGAN"), faces, verbose=False)

    def test_an_evaluator_of_another_number_of_classes(
        self, tagged: AnimeFaces, trainer: MakeTrainer, evaluator_file: Path
    ) -> None:
        made = model("TagDCGAN", image_size=32, class_names=tagged.class_names)
        named = Score(str(evaluator_file), class_names=tagged.class_names)
        with pytest.raises(InputError, match=r"evaluator.pth knows 24 classes, the data 23"):
            trainer(named, max_steps=1).fit(made, tagged)
        with pytest.raises(InputError, match=r"evaluator.pth knows 24 classes, and the conditions have 23"):
            trainer(Score(str(evaluator_file))).test(made, tagged, verbose=False)


def test_draws_use_the_seeds_from_draw_seed_on() -> None:
    assert Score(draws=3, draw_seed=7).seeds == [7, 8, 9]


@pytest.mark.parametrize(
    ("count", "groups", "expected"),
    [(32, {}, 8), (25, {}, 5), (132, {"hair": range(12), "eyes": range(11)}, 11), (24, {"hair": range(12)}, 8)],
)
def test_a_grid_of_all_pairs_is_a_table_and_a_square_number_a_square(
    count: int, groups: dict[str, Any], expected: int
) -> None:
    assert per_row(torch.zeros(count, 3, 1, 1), groups) == expected
