"""The models of a playground and the evaluators that judge their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

import lit_gans
from lit_gans import hub, zoo
from lit_gans.errors import InputError
from lit_gans.inference.evaluator import FrozenEvaluator, load_evaluator
from lit_gans.inference.latent_space import LatentSpace
from lit_gans.inference.sampling import ConditionalSampling, Sampling
from lit_gans.inference.translation import Translation
from lit_gans.playground.vocabulary import Vocabulary, vocabulary_of


@dataclass(frozen=True)
class Judge:
    """An evaluator's file, read when it is first asked.

    Attributes:
        name: of the zoo, or of the file.
        file: with its weights.
        data: name of the data set that it was trained on; None for any, as the user said.
    """

    name: str
    file: Path
    data: str | None

    @cached_property
    def evaluator(self) -> FrozenEvaluator:
        return load_evaluator(self.file)


@dataclass(frozen=True)
class Entry:
    """A model under the name by which it was given.

    Attributes:
        data: name of the data set on its card; None without a card.
        vocabulary: what it is asked for; None for a model without conditions.
    """

    name: str
    model: Any
    data: str | None = None
    vocabulary: Vocabulary | None = None

    @property
    def edits(self) -> bool:
        """Whether its latents can be edited: those of a flow of pictures with attributes."""
        kinds = ("faces", "classes")
        return isinstance(self.model, LatentSpace) and self.vocabulary is not None and self.vocabulary.kind in kinds


@dataclass
class Shelf:
    """All models, sorted by what they can do."""

    entries: list[Entry]
    judges: list[Judge] = field(default_factory=list)

    def __getitem__(self, name: str) -> Entry:
        """Raises InputError: no such model."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise InputError(f"{name!r} is no model of this playground; it has {', '.join(e.name for e in self.entries)}")

    @property
    def drawing(self) -> list[Entry]:
        """Those that draw from noise."""
        return [entry for entry in self.entries if isinstance(entry.model, Sampling)]

    @property
    def translating(self) -> list[Entry]:
        return [entry for entry in self.entries if isinstance(entry.model, Translation)]

    def by_vocabulary(self) -> list[tuple[Vocabulary, list[Entry]]]:
        """Models with the same classes in the same order, together."""
        found: dict[tuple[str, ...], tuple[Vocabulary, list[Entry]]] = {}
        for entry in self.entries:
            if entry.vocabulary:
                found.setdefault(entry.vocabulary.names, (entry.vocabulary, []))[1].append(entry)
        return list(found.values())

    def judge_of(self, entry: Entry) -> Judge | None:
        """The evaluator of this model's pictures: one that the user gave, else one trained on the same data."""
        if entry.vocabulary is None:
            return None
        for judge in self.judges:
            if judge.data is None and fits(judge.evaluator, entry.vocabulary):
                return judge
        same = [judge for judge in self.judges if judge.data is not None and judge.data == entry.data]
        return next((judge for judge in same if fits(judge.evaluator, entry.vocabulary)), None)


def fits(evaluator: FrozenEvaluator, vocabulary: Vocabulary) -> bool:
    """Whether the evaluator tells these classes, in this order as far as its file says."""
    if evaluator.class_names is not None:
        return tuple(evaluator.class_names) == vocabulary.names
    return evaluator.num_classes == len(vocabulary.names)


def shelf_of(checkpoints: Sequence[str], evaluators: Sequence[str], device: torch.device) -> Shelf:
    """The models of these files, addresses or names in the zoo, without any the whole zoo; and the zoo's evaluators
    after the given ones.

    Raises:
        InputError: a file that is missing, damaged, or holds neither a generator nor a translation.
    """
    cards = zoo.cards()
    classifiers = {name for name, card in cards.items() if card["run"]["model"] == "Evaluator"}
    given = list(dict.fromkeys(checkpoints)) or [name for name in cards if name not in classifiers]
    judges = [Judge(name, hub.found(name), None) for name in evaluators]
    for judge in judges:
        judge.evaluator  # noqa: B018  a wrong file is told before anything is served
    judges += [Judge(name, zoo.found(name), cards[name]["data"]["name"]) for name in sorted(classifiers)]
    return Shelf([entry_of(name, cards, device) for name in given], judges)


def entry_of(name: str, cards: dict[str, dict[str, Any]], device: torch.device) -> Entry:
    model = lit_gans.load(name, device)
    if not isinstance(model, Sampling | Translation):
        raise InputError(f"{name}: holds a {model.model_name}, which draws nothing; give it as --evaluator {name}")
    vocabulary = None
    if isinstance(model, ConditionalSampling):
        vocabulary = vocabulary_of(model.class_names, model.num_classes)
    return Entry(name, model, cards[name]["data"]["name"] if name in cards else None, vocabulary)
