"""The scores of a translation between two domains, in both directions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.inference.evaluator import FrozenEvaluator
from lit_gans.metrics.extractors import Extractor
from lit_gans.metrics.quality import quality_lines
from lit_gans.metrics.translation import KINDS, TranslationReport
from lit_gans.pictures import save_picture
from lit_gans.scoring.objects import load_evaluators

BACK: dict[str, Literal["a2b", "b2a"]] = {"a2b": "b2a", "b2a": "a2b"}
TARGET = {"a2b": 1, "b2a": 0}


class TranslationScores:
    """Distances of the translated images of either domain to the other's, the error of the way there and back, and what
    classifiers of the two domains call the images.

    Args:
        extractor: see metrics/extractors.py.
        judges: classifiers whose class 0 is domain A, and 1 is B; see load_judges.
    """

    def __init__(self, extractor: Extractor, judges: Sequence[FrozenEvaluator] = ()) -> None:
        self.judges = judges
        known = [judge.class_names for judge in judges if judge.class_names]
        self.classes = known[0] if known else ["A", "B"]
        names = [judge.name for judge in judges]
        self.reports = {direction: TranslationReport(extractor, names, self.classes) for direction in BACK}

    def see(self, model: Any, images: Tensor, domain: int) -> None:
        """Translates images of domain A (0) or B (1) there and back with `model.translate`."""
        direction = "b2a" if domain else "a2b"
        report = self.reports[direction]
        translated = model.translate(images, direction, model.use_ema)
        cycled = model.translate(translated, BACK[direction], model.use_ema)
        report.update_source(images, translated, cycled)
        for judge in self.judges:
            for kind, pictures in zip(KINDS, (images, translated, cycled), strict=True):
                report.update_called(judge.name, kind, judge(pictures))
        self.reports[BACK[direction]].update_target(images)

    def compute(self) -> tuple[dict[str, Any], list[str]]:
        """Values for scores.json, by direction, and the lines to print."""
        facts = {direction: report.compute() for direction, report in self.reports.items()}
        lines = []
        for direction, values in facts.items():
            lines.append(f"{direction}: cycle L1 {values['cycle_l1']:.4f} (images in [-1, 1])")
            lines.append(f"{direction}: ground changed by {values['ground_change']:.4f} (frame of an eighth of a side)")
            target = self.classes[TARGET[direction]]
            for name, called in values.get("called", {}).items():
                told = ", ".join(f"{kind} {shares[target]:.3f}" for kind, shares in called.items())
                lines.append(f"{direction}: called {target} by {name}: {told}")
            lines += quality_lines(values)
            before = values["untranslated"]
            lines.append(
                f"{direction}: untranslated, Frechet distance {before['frechet_distance']:.4f}, kernel distance "
                f"{before['kernel_distance']['mean']:.6f}"
            )
        return {"translation": facts}, lines

    def save_grids(self, folder: Path) -> None:
        """`a2b.png` and `b2a.png`: rows of real images, translated ones, and those translated back."""
        for direction, report in self.reports.items():
            save_picture(report.picture(), folder / f"{direction}.png")


def load_judges(files: Sequence[str]) -> list[FrozenEvaluator]:
    """The classifiers of these files that tell domain A from domain B.

    Raises:
        InputError: no such classifier, one of more or fewer classes, or two whose classes are called differently.
    """
    judges = load_evaluators(files, None)
    for judge in judges:
        classes = judge.num_classes
        if classes != len(TARGET):
            raise InputError(
                f"evaluator {judge.name} knows {classes} classes; a translation is judged by a classifier of two, its "
                "domains A and B in this order: train one on data_modules.domains.Domains"
            )
        if None not in (judge.class_names, judges[0].class_names) and judge.class_names != judges[0].class_names:
            raise InputError(
                f"evaluator {judge.name} has the classes {judge.class_names}, and {judges[0].name} has "
                f"{judges[0].class_names}; give classifiers of the same two domains"
            )
    return judges
