"""Object scores of a model's images: asked objects, extra objects, and single objects by class."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from rich.table import Table
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.inference.evaluator import FrozenEvaluator, load_evaluator
from lit_gans.metrics.extra_objects import ExtraObjects
from lit_gans.metrics.object_score import ObjectScore
from lit_gans.metrics.summary import summary
from lit_gans.metrics.tag_accuracy import TagAccuracy
from lit_gans.networks.evaluator import object_hits


def load_evaluators(files: Sequence[str], class_names: Sequence[str] | None) -> list[FrozenEvaluator]:
    """The scoring classifiers of these files.

    Raises:
        InputError: no such classifier, or one of other classes than these, or of the same in another order.
    """
    evaluators = [load_evaluator(file) for file in files]
    for evaluator in evaluators:
        if class_names is None:
            continue
        classes = evaluator.num_classes
        if classes != len(class_names):
            raise InputError(f"evaluator {evaluator.name} knows {classes} classes, the data {len(class_names)}")
        if evaluator.class_names not in (None, list(class_names)):
            raise InputError(
                f"evaluator {evaluator.name} was trained with other classes or another order of them than this data "
                "has; train it on the same data (tags: the same data.tag_order; CelebA: data.attributes)"
            )
    return evaluators


def seen_by(evaluator: FrozenEvaluator, images: Tensor, condition: Tensor) -> Tensor:
    """Class probabilities (B, num_classes) of images for these conditions.

    Raises:
        InputError: the classifier knows another number of classes.
    """
    seen = evaluator(images)
    if seen.shape != condition.shape:
        raise InputError(
            f"evaluator {evaluator.name} knows {seen.shape[1]} classes, and the conditions have {condition.shape[1]}"
        )
    return seen


class ObjectReport:
    """The object score of condition lists, by list and classifier: several draws of each list.

    Args:
        evaluators: the scoring classifiers; none, and nothing of this is measured.
        class_groups: see TagAccuracy.
        class_properties: kind -> value -> indices of its classes, such as colour, red and those of all red objects.
        title: says which draws the table is of.
    """

    def __init__(
        self,
        evaluators: Sequence[FrozenEvaluator],
        class_groups: Mapping[str, Sequence[int]],
        class_properties: Mapping[str, Mapping[str, Sequence[int]]],
        title: str,
    ) -> None:
        self.evaluators, self.title, self.properties = evaluators, title, class_properties
        # (2, num_classes) of each list and classifier: how often a class was seen and how often asked, in all draws
        self.by_class: dict[str, dict[str, Tensor]] = {}
        self.scores: dict[str, dict[str, list[float]]] = {}
        self.extra: dict[str, dict[str, ExtraObjects]] = {}
        self.real_scores = {evaluator.name: ObjectScore() for evaluator in evaluators}
        self.tag_accuracy = TagAccuracy(class_groups)

    def see_real(self, images: Tensor, condition: Tensor) -> None:
        """Notes what each classifier sees in real images: no score of drawn ones can be trusted beyond that. They are
        held out from this model; a classifier that was trained elsewhere may know them, and then seems better."""
        for evaluator in self.evaluators:
            seen = seen_by(evaluator, images, condition).cpu()
            self.real_scores[evaluator.name].update(seen, condition.cpu())
            self.tag_accuracy.see(None, evaluator.name, seen, condition.cpu())

    def see_draw(self, name: str, images: Tensor, condition: Tensor) -> None:
        """Notes what each classifier sees in one draw of a condition list, (conditions, 3, H, W)."""
        asked = condition.cpu()
        for evaluator in self.evaluators:
            seen = seen_by(evaluator, images, condition).cpu()
            hits = object_hits(seen, asked)
            score = (hits.sum() / asked.sum()).item()
            counts = torch.stack([hits.sum(dim=0), asked.bool().sum(dim=0)])
            columns = self.by_class.setdefault(name, {})
            columns[evaluator.name] = columns.get(evaluator.name, 0) + counts
            self.scores.setdefault(name, {}).setdefault(evaluator.name, []).append(score)
            self.extra.setdefault(name, {}).setdefault(evaluator.name, ExtraObjects()).update(seen, asked)
            self.tag_accuracy.see(name, evaluator.name, seen, asked)

    def compute(self) -> tuple[dict[str, Any], list[Table | str]]:
        """Values for scores.json, and the lines to print."""
        if not self.evaluators:
            return {}, []
        facts: dict[str, Any] = {
            "evaluators": {evaluator.name: evaluator.sha256 for evaluator in self.evaluators},
            "object_score": {
                name: {file: summary(draws) for file, draws in columns.items()} for name, columns in self.scores.items()
            },
            "extra_objects": {
                name: {file: metric.compute().item() for file, metric in columns.items()}
                for name, columns in self.extra.items()
            },
            "real_images": {file: metric.compute().item() for file, metric in self.real_scores.items() if metric.asked},
        }
        if self.properties and self.scores:
            facts["object_score_by"] = {
                name: {file: self.by_property(counts) for file, counts in columns.items()}
                for name, columns in self.by_class.items()
            }
        accuracy, lines = self.tag_accuracy.compute()
        facts |= accuracy
        return facts, [*([self.table(facts)] if self.scores else []), *self.evaluator_lines(facts), *lines]

    def by_property(self, counts: Tensor) -> dict[str, dict[str, float]]:
        """kind -> value -> the object score of its classes, of those that were asked for; see `by_class`."""
        found: dict[str, dict[str, float]] = {}
        for kind, values in self.properties.items():
            for value, classes in values.items():
                seen, asked = counts[:, list(classes)].sum(dim=1).tolist()
                if asked:
                    found.setdefault(kind, {})[value] = seen / asked
        return found

    def table(self, facts: Mapping[str, Any]) -> Table:
        """A row for each list and classifier, and one below for each colour, shape or the like; "extra" is the share of
        objects that nobody asked for."""
        table = Table(title=f"object score, {self.title}")
        for name in ("list", "evaluator"):
            table.add_column(name)
        for name in ("mean", "std", "min", "max", "extra"):
            table.add_column(name, justify="right")
        for name, columns in facts["object_score"].items():
            for file, row in columns.items():
                figures = [*(row[key] for key in ("mean", "std", "min", "max")), facts["extra_objects"][name][file]]
                table.add_row(name, file, *(f"{figure:.4f}" for figure in figures))
                for values in facts.get("object_score_by", {}).get(name, {}).get(file, {}).values():
                    for value, score in values.items():
                        table.add_row(f"  {value}", "", f"{score:.4f}")
        return table

    def evaluator_lines(self, facts: Mapping[str, Any]) -> list[str]:
        lines = []
        for file, digest in facts["evaluators"].items():
            real = facts["real_images"].get(file)
            told = "" if real is None else f"{real:.4f} on the held-out real images, "
            lines.append(f"evaluator {file}: {told}sha256 {digest}")
        return lines
