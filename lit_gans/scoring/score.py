"""Callback that scores any model, in validation and in a test."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.trainer.states import TrainerFn
from rich.console import Console
from torch import Tensor

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.inference.evaluator import FrozenEvaluator
from lit_gans.metrics.extractors import RANDOM_CONV, Extractor
from lit_gans.metrics.face_count import SIDE
from lit_gans.metrics.object_score import ObjectScore
from lit_gans.pictures import grid, save_picture
from lit_gans.scoring.distances import CollapseWatch, DistanceReport, ValidationDistance
from lit_gans.scoring.extractors import load_extractor
from lit_gans.scoring.objects import ObjectReport, load_evaluators, seen_by
from lit_gans.scoring.report import write_scores
from lit_gans.scoring.translation import TranslationScores, load_judges
from lit_gans.training.batches import HELD_OUT, VALIDATION_SEED, Batch

# Noise of the images of a test that are compared with real ones. The draws of the lists start at `draw_seed`.
QUALITY_SEED = 2_000_000


class Score(L.Callback):
    """Validation logs `val/score` (with an evaluator) and, for models that do not measure themselves,
    `val/kernel_distance` and `val/diversity`; it warns when the pictures become alike. A test writes `scores.json` and
    grids, and says what it could not measure.

    It sees a model through `preview` (images for a batch) and `translate`; what a model measures of itself comes from
    its `own_scores`. Evaluators and extractors are frozen and lie outside of the model's parameters and checkpoint; no
    loss ever sees them. The command line gives `class_names`, `class_groups` and `class_properties` from the data.

    Args:
        evaluator: file or files of the scoring classifier, see load_evaluator; None: no object score. For a translation
            a classifier of its two domains, see load_judges: the share of the pictures that it calls each.
        draws: sets of images for each condition list in a test.
        draw_seed: the draws use the seeds draw_seed, draw_seed + 1, ...
        use_ema: draw from the averaged weights, where there are any, rather than the trained ones; also for sample
            grids and predictions.
        extractor: frozen network in whose features images are compared with real ones: a name or a file, see
            load_extractor. It should not be the scoring evaluator.
        face_cascade: file of a face detector: a test counts the faces in the images that it compares with real ones.
        class_names: those of the conditions, which an evaluator must have been trained with.
        class_groups: the classes of each kind of which an image shows exactly one, such as hair and eyes.
        class_properties: the classes that share a property, by kind and value, such as colour and red: the object score
            is also told for each.

    Raises:
        InputError: a value that is not possible; an evaluator that does not fit the data; one for a model without
            conditions; a test on several devices.
    """

    def __init__(
        self,
        evaluator: str | Sequence[str] | None = None,
        draws: int = 10,
        draw_seed: int = 0,
        use_ema: bool = True,
        extractor: str = RANDOM_CONV,
        face_cascade: str | None = None,
        class_names: Sequence[str] | None = None,
        class_groups: Mapping[str, Sequence[int]] | None = None,
        class_properties: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
    ) -> None:
        draws = checks.whole("score.draws", draws, at_least=1, hint="the protocol has 10")
        self.draw_seed = checks.seed("score.draw_seed", draw_seed)
        self.seeds = list(range(draw_seed, draw_seed + draws))
        self.files = [evaluator] if isinstance(evaluator, str) else list(evaluator or [])
        self.use_ema = use_ema
        self.extractor = extractor
        self.face_cascade = face_cascade
        self.class_names = class_names
        self.class_groups = class_groups or {}
        self.class_properties = class_properties or {}
        self.evaluators: list[FrozenEvaluator] = []
        self.features: Extractor | None = None
        self.val_score: ObjectScore | None = None
        self.val_distance: ValidationDistance | None = None
        self.collapse = CollapseWatch()
        self.scores: dict[str, Any] = {}

    def setup(self, trainer: L.Trainer, pl_module: Any, stage: str) -> None:
        pl_module.use_ema, pl_module.draw_seed = self.use_ema, self.draw_seed

    def load(self, pl_module: Any, test: bool = False) -> None:
        """Reads evaluators and extractor: before anything is trained or drawn, so that a wrong file is known at
        once."""
        if self.features is None and (test or compares(pl_module)):
            self.features = load_extractor(self.extractor)
        if self.files and hasattr(pl_module, "translate"):
            self.evaluators = self.evaluators or load_judges(self.files)
            return
        if self.files and not pl_module.conditional:
            raise InputError(
                f"score.evaluator is {', '.join(self.files)}, and a {type(pl_module).__name__} draws nothing for "
                "conditions that it could score; leave it out"
            )
        if self.files and not self.evaluators:
            self.evaluators = load_evaluators(self.files, self.class_names)

    # validation

    def on_fit_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        self.load(pl_module)

    def on_validation_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        self.load(pl_module)
        self.val_score = ObjectScore().to(pl_module.device) if self.evaluators else None
        if compares(pl_module):
            assert self.features is not None
            self.val_distance = ValidationDistance(self.features)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self.val_score is None and self.val_distance is None:
            return
        images = pl_module.preview(batch, VALIDATION_SEED + batch_idx * trainer.world_size + trainer.global_rank)
        if self.val_score is not None:
            self.val_score.update(seen_by(self.evaluators[0], images, batch["condition"]), batch["condition"])
        if self.val_distance is not None:
            self.val_distance.update(batch["image"], images)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        if self.val_score is not None and self.val_score.update_called:
            pl_module.log("val/score", self.val_score.compute(), prog_bar=True, sync_dist=True)
        if self.val_distance is not None:
            found = self.val_distance.compute()
            for name, value in found.items():
                pl_module.log(name, value, prog_bar=True, sync_dist=True)
            if "val/diversity" in found and trainer.state.fn == TrainerFn.FITTING:
                self.collapse.see(float(found["val/diversity"]), pl_module)
        self.val_score = self.val_distance = None

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self.collapse))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self.collapse).update(state)

    # test

    def on_test_start(self, trainer: L.Trainer, pl_module: Any) -> None:
        if trainer.world_size > 1:
            raise InputError(f"a test runs on one device, not {trainer.world_size}: give --trainer.devices 1")
        self.load(pl_module, test=True)
        assert self.features is not None
        weights = "ema" if self.use_ema else "raw"
        title = f"{len(self.seeds)} draws, seeds {self.seeds[0]} to {self.seeds[-1]}, {weights} weights"
        self.objects = ObjectReport(self.evaluators, self.class_groups, self.class_properties, title)
        self.distances = DistanceReport(self.features, self.face_cascade)
        translates = hasattr(pl_module, "translate")
        self.translation = TranslationScores(self.features, self.evaluators) if translates else None
        self.missing: list[str] = []

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self.translation is not None:
            self.translation.see(pl_module, batch["image"], dataloader_idx)
        elif not hasattr(pl_module, "preview"):
            return
        elif "image" in batch:
            self.see_real(trainer, pl_module, batch, batch_idx)
        else:
            self.see_list(trainer, pl_module, batch)

    def see_real(self, trainer: L.Trainer, model: Any, batch: Batch, batch_idx: int) -> None:
        """Compares a batch of real images with as many drawn ones."""
        reference = batch.get("name", HELD_OUT)
        first = not self.distances.references
        images = model.preview(batch, (QUALITY_SEED * (1 + self.draw_seed) + batch_idx) % 2**63)
        self.distances.compare(reference, batch["image"], images)
        if first:
            save_picture(grid(images[: SIDE**2], per_row=SIDE), folder_of(trainer) / "samples.png")
        if reference == HELD_OUT and model.conditional:
            self.objects.see_real(batch["image"], batch["condition"])

    def see_list(self, trainer: L.Trainer, model: Any, batch: Batch) -> None:
        """All draws of a condition list, scored by every evaluator."""
        name = batch["name"]
        if not model.conditional:
            self.missing.append(f"condition list {name}: a {type(model).__name__} draws without conditions")
            return
        for seed in self.seeds:
            images = model.preview(batch, seed)
            self.objects.see_draw(name, images, batch["condition"])
            self.distances.draw(name, images)
            if seed == self.seeds[0]:
                save_picture(
                    grid(images, per_row=per_row(images, self.class_groups)), folder_of(trainer) / f"{name}.png"
                )

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        found: list[tuple[dict[str, Any], Sequence[Any]]] = [pl_module.own_scores()]
        if self.translation is not None:
            found.insert(0, self.translation.compute())
        else:
            found[:0] = [self.objects.compute(), self.distances.compute()]
        missing = [*self.missing, *self.unmeasured(pl_module)]
        facts: dict[str, Any] = {
            "model": type(pl_module).__name__,
            "checkpoint": str(trainer.ckpt_path or ""),
            "images_seen": pl_module.images_seen,
        }
        if hasattr(pl_module, "preview"):
            facts["weights"] = "ema" if self.use_ema else "raw"
            facts |= {"seeds": self.seeds} if self.translation is None else {}
        for values, _ in found:
            facts |= values
        self.scores = facts | {"not_measured": missing}
        folder = folder_of(trainer)
        write_scores(folder / "scores.json", self.scores)
        if self.translation is not None:
            self.translation.save_grids(folder)
        console = Console()
        for line in [line for _, lines in found for line in lines] + [f"not measured: {line}" for line in missing]:
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        console.print(f"wrote {folder / 'scores.json'} and its grids", soft_wrap=True)

    def unmeasured(self, model: Any) -> list[str]:
        """Hints: further scores of this model, and the options or data that they need."""
        if self.translation is not None:
            return [] if self.evaluators else ["what a judge calls the pictures: give --score.evaluator FILE"]
        if not hasattr(model, "preview"):
            return []
        missing = []
        if model.conditional and not self.evaluators:
            missing.append("object scores, without a scoring classifier: give --score.evaluator FILE")
        if not self.distances.references:
            missing.append("distances to real images: there are none beside the condition lists")
        return missing


def compares(model: Any) -> bool:
    """Whether a validation compares the model's pictures with the held-out ones."""
    return hasattr(model, "preview") and not hasattr(model, "translate") and not model.measures_itself


def folder_of(trainer: L.Trainer) -> Path:
    return Path(trainer.log_dir or ".")


def per_row(images: Tensor, class_groups: Mapping[str, Sequence[int]]) -> int:
    """Images in a row of a list's grid: all pairs of two kinds make a table, a square number a square."""
    count, sizes = len(images), [len(group) for group in class_groups.values()]
    if sizes and count == math.prod(sizes):
        return sizes[-1]
    side = math.isqrt(count)
    return side if side**2 == count else 8
