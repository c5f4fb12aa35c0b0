"""Sampling from conditions, and honest scores for it: the same for every conditional model."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from rich import print as rich_print
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.conditional_quality import ConditionalQuality, conditional_quality_lines
from lit_gans.metrics.extra_objects import ExtraObjects
from lit_gans.metrics.extractors import RANDOM_CONV
from lit_gans.metrics.object_score import ObjectScore, object_hits
from lit_gans.metrics.report import Scores, print_scores, temperature_lines, write_scores
from lit_gans.metrics.tag_accuracy import TagAccuracy
from lit_gans.models.base import Batch, ImageModel
from lit_gans.models.conditions import Conditions, as_multi_hot
from lit_gans.models.evaluator import FrozenEvaluator, load_evaluator
from lit_gans.models.extractors import load_extractor
from lit_gans.pictures import grid, save_png

# Noise of validation pictures: fixed, so that the curve shows the model and not the noise. The draws of a test start
# at `draw_seed` and never get here.
VALIDATION_SEED = 1_000_000
# The same for the pictures of a test that are compared with real ones.
QUALITY_SEED = 2_000_000
# How a data module may call the real pictures that no training saw, where a test has others beside them.
HELD_OUT = "held_out"


class ScoredByEvaluator(ImageModel):
    """Mixin: `sample`, validation on held-out conditions, and the test of the iCLEVR protocol.

    The evaluator is frozen and lies outside of the module's parameters and checkpoint; no loss ever sees it.

    Hyperparameters that the model hands to `set_scoring`:
        evaluator: file or files of the scoring classifier; in training optional (then there is no `val/score`).
        draws: sets of pictures for each condition list in a test.
        draw_seed: the draws use the seeds draw_seed, draw_seed + 1, ...
        weights: "ema" or "raw", which generator is validated and tested.
        extractor: frozen network in whose features a test compares with the held-out real pictures, where the data
            has any: a name or a file, see load_extractor. It should not be the scoring evaluator.
    """

    # whether a test without a scoring classifier has nothing worth telling
    needs_evaluator = True
    temperature: float

    def set_scoring(
        self,
        num_classes: int,
        class_names: Sequence[str] | None,
        evaluator: str | Sequence[str] | None,
        draws: int,
        draw_seed: int,
        weights: str,
        extractor: str = RANDOM_CONV,
    ) -> None:
        if class_names is not None and len(class_names) != num_classes:
            raise InputError(
                f"{len(class_names)} class_names for num_classes={num_classes}; one name a class is needed"
            )
        if weights not in ("ema", "raw"):
            raise InputError(f"weights is {weights!r}; expected 'ema' or 'raw'")
        if draws < 1:
            raise InputError(f"draws is {draws}; expected at least 1 (the protocol has 10)")
        self.num_classes = num_classes
        self.class_names = class_names
        self.evaluator_files = [evaluator] if isinstance(evaluator, str) else list(evaluator or [])
        self.seeds = list(range(draw_seed, draw_seed + draws))
        self.weights = weights
        self.extractor = extractor
        self.evaluators: list[FrozenEvaluator] = []
        self.val_score = ObjectScore()
        self.scores: Scores = {}
        self.extra: dict[str, dict[str, float]] = {}
        self.real_scores: dict[str, ObjectScore] = {}

    # (conditions, noise, ema, **options): pictures (B, 3, H, W) in [-1, 1] for (B, num_classes) conditions on the
    # model's device, with noise from this CPU generator
    draw: Callable[..., Tensor]

    def sample(
        self,
        conditions: Conditions,
        n: int = 1,
        seed: int | None = None,
        ema: bool = True,
        temperature: float | None = None,
    ) -> Tensor:
        """Pictures for conditions, in eval mode and full precision.

        Args:
            conditions: (B, num_classes) multi-hot, or B lists of object names.
            n: pictures for each condition; those of one condition follow each other.
            seed: of the noise; the same seed gives the same pictures. None: another noise in each call.
            ema: the averaged weights where there are any, else the trained ones.
            temperature: factor of the noise; None: the model's.

        Returns:
            (B * n, 3, H, W) float in [-1, 1].
        """
        return self.draw_each(conditions, n, seed, ema, temperature=temperature)

    def draw_each(self, conditions: Conditions, n: int, seed: int | None, ema: bool, **options: Any) -> Tensor:
        """`sample`, with the options that this model's `draw` has."""
        if n < 1:
            raise InputError(f"n is {n}; expected at least 1 picture a condition")
        rows = as_multi_hot(conditions, self.num_classes, self.class_names).to(self.device)
        noise = torch.Generator()
        noise.seed() if seed is None else noise.manual_seed(seed)
        return self.draw(rows.repeat_interleave(n, dim=0), noise, ema, **options)

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """Pictures for a batch's conditions, for sample grids."""
        return self.sample(batch["condition"], seed=seed, ema=self.weights == "ema")

    def load_evaluators(self) -> None:
        """
        Raises:
            InputError: an evaluator of other classes, or of the same in another order.
        """
        if not self.evaluators:
            self.evaluators = [load_evaluator(file) for file in self.evaluator_files]
        for evaluator in self.evaluators:
            classes = evaluator.network.fc[0].out_features  # type: ignore[index, union-attr]
            if classes != self.num_classes:
                raise InputError(f"evaluator {evaluator.name} knows {classes} classes, the model {self.num_classes}")
            names = evaluator.class_names
            if names is not None and self.class_names is not None and names != list(self.class_names):
                raise InputError(
                    f"evaluator {evaluator.name} was trained with other classes or another order of them than this "
                    "model; train it on the same data (tags: the same data.tag_order; CelebA: data.attributes)"
                )

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.load_evaluators()  # a missing file is known before the first epoch

    def on_validation_start(self) -> None:
        self.load_evaluators()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        if not self.evaluators:
            return
        seed = VALIDATION_SEED + batch_idx * self.trainer.world_size + self.global_rank
        self.val_score.update(self.evaluators[0](self.preview(batch, seed)), batch["condition"])
        self.log("val/score", self.val_score, prog_bar=True, batch_size=len(batch["condition"]))

    def on_test_start(self) -> None:
        if self.needs_evaluator and not self.evaluator_files:
            raise InputError("a test needs a scoring classifier: give --model.evaluator FILE")
        if self.trainer.world_size > 1:
            raise InputError(f"a test runs on one device, not {self.trainer.world_size}: give --trainer.devices 1")
        self.load_evaluators()
        self.scores = {}
        self.extra = {}
        self.real_scores = {evaluator.name: ObjectScore() for evaluator in self.evaluators}
        self.tag_accuracy = TagAccuracy(self.class_names or (), one_set=[HELD_OUT])
        self.guard = ConditionalQuality(load_extractor(self.extractor))

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        if "image" in batch:
            self.compare(batch["image"], self.preview(batch, QUALITY_SEED + batch_idx))
            if batch.get("name", HELD_OUT) == HELD_OUT:
                self.judge_real(batch["image"], batch["condition"])
        else:
            self.score_list(batch["name"], batch)

    def compare(self, real: Tensor, fake: Tensor) -> None:
        """Notes real pictures and those drawn for the same conditions, (B, 3, H, W) each."""
        self.guard.compare(real, fake)

    def judge_real(self, images: Tensor, conditions: Tensor) -> None:
        """Notes what each evaluator sees in real pictures: no score of drawn ones can be trusted beyond that. They are
        held out from this model; an evaluator that was trained elsewhere may know them, and then seems better."""
        for evaluator in self.evaluators:
            seen = evaluator(images).cpu()
            self.real_scores[evaluator.name].update(seen, conditions.cpu())
            self.tag_accuracy.update(HELD_OUT, evaluator.name, seen, conditions.cpu())

    def score_list(self, name: str, batch: Batch) -> None:
        """All draws for a condition list, seen by every evaluator."""
        conditions = batch["condition"]
        columns: dict[str, list[float]] = {evaluator.name: [] for evaluator in self.evaluators}
        extra = {evaluator.name: ExtraObjects() for evaluator in self.evaluators}
        for seed in self.seeds:
            images = self.preview(batch, seed)
            for evaluator in self.evaluators:
                seen = evaluator(images).cpu()
                hits = object_hits(seen, conditions.cpu())
                columns[evaluator.name].append((hits.sum() / conditions.sum().cpu()).item())
                extra[evaluator.name].update(seen, conditions.cpu())
                self.tag_accuracy.update(name, evaluator.name, seen, conditions.cpu())
            self.guard.draw(name, images)
            if seed == self.seeds[0]:
                save_png(grid(images), self.log_dir / f"{name}.png")
        self.scores[name] = columns
        self.extra[name] = {file: metric.compute().item() for file, metric in extra.items()}

    def on_test_epoch_end(self) -> None:
        facts: dict[str, Any] = {
            "weights": self.weights,
            "seeds": self.seeds,
            "temperature": self.temperature,
            "evaluators": {evaluator.name: evaluator.sha256 for evaluator in self.evaluators},
            "real_pictures": {
                file: metric.compute().item() for file, metric in self.real_scores.items() if metric.asked
            },
            "extra_objects": self.extra,
            "quality": self.guard.compute(),
            "checkpoint": str(self.trainer.ckpt_path or ""),
            "images_seen": self.images_seen,
        }
        accuracy, tag_lines = self.tag_accuracy.compute()
        if accuracy:
            facts["tag_accuracy"] = accuracy
        more, lines = self.more_facts()
        facts |= more
        lines += temperature_lines(self.temperature)
        write_scores(self.log_dir / "scores.json", self.scores, facts)
        if self.evaluators:
            print_scores(self.scores, facts)
        else:
            print("no scoring classifier, object scores are not measured: give --model.evaluator FILE")
        for line in [*tag_lines, *conditional_quality_lines(facts["quality"]), *lines]:
            print(line)
        rich_print(f"wrote {self.log_dir / 'scores.json'} and a grid for each list")

    def more_facts(self) -> tuple[dict[str, Any], list[str]]:
        """What a model adds to scores.json, and the lines that say so."""
        return {}, []

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """One picture a condition, (B, 3, H, W)."""
        return self.preview(batch, self.seeds[0])
