"""What the buttons of the page do: plain values in, HTML out. Knows no Gradio."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from data_modules.rendered.animals import render_animal
from lit_gans.errors import InputError
from lit_gans.inference.translation import Direction
from lit_gans.networks.evaluator import object_hits
from lit_gans.pictures import as_image
from lit_gans.playground.drawing import asked_of, draw, random_pictures, walk
from lit_gans.playground.editing import Directions, edited
from lit_gans.playground.figures import gallery, note, score_line, ticks, title
from lit_gans.playground.shelf import Entry, Shelf
from lit_gans.playground.uploads import as_batch, read_upload

UNJUDGED = (
    "No score: no evaluator here was trained on this model's data. "
    "Give one that was: lit-gans playground ... --evaluator FILE"
)


@dataclass
class Actions:
    """All of them, on the models of a shelf; each raises an InputError for a value that is not possible."""

    shelf: Shelf
    directions: Directions = field(default_factory=Directions)

    def draw(self, name: str, asked: Sequence[str], n: float, seed: float, temperature: float | None = None) -> str:
        """n pictures of what is asked for, and what the evaluator sees in them."""
        entry = self.shelf[name]
        condition = condition_of(entry, asked)
        return self.judged(entry, draw(entry, condition, whole(n), whole(seed), temperature), condition)

    def compare(self, names: Sequence[str], asked: Sequence[str], n: float, seed: float) -> str:
        """The same conditions and seed through several models."""
        if not names:
            raise InputError("no model is chosen; choose one or more")
        return "".join(title(name) + self.draw(name, asked, n, seed) for name in names)

    def judged(self, entry: Entry, images: Tensor, condition: Tensor) -> str:
        """Score and ticked pictures; pictures and a note where no evaluator fits the model."""
        names = asked_of(condition[0], words_of(entry))
        texts = [f"{entry.name}, picture {i + 1}: {', '.join(names)}" for i in range(len(images))]
        judge = self.shelf.judge_of(entry)
        if judge is None:
            return gallery(images, texts, [""] * len(images)) + note(UNJUDGED)
        outputs = judge.evaluator(images.cpu())
        hits = object_hits(outputs, condition.expand_as(outputs))[:, condition[0].bool()]
        captions = [ticks(names, row) for row in hits.tolist()]
        return score_line(int(hits.sum()), hits.numel(), judge.name) + gallery(images, texts, captions)

    def grid(self, name: str, n: float, seed: float, temperature: float | None = None) -> str:
        """Pictures of random conditions, or of noise alone."""
        images, asked = random_pictures(self.shelf[name], whole(n), whole(seed), temperature)
        return gallery(images, [text or f"picture {i + 1}" for i, text in enumerate(asked)])

    def walk(self, name: str, first: float, second: float, steps: float) -> str:
        """The way from the latents of one seed to those of another."""
        images, asked = walk(self.shelf[name], (whole(first), whole(second)), whole(steps))
        return (note(f"asked for: {asked}") if asked else "") + gallery(images, shares(len(images)))

    def edit(self, name: str, upload: str | None, asked: Sequence[str], seed: float, *amounts: float) -> str:
        """A picture before and after its latents are moved along the directions of attributes."""
        entry = self.shelf[name]
        image = self.source(entry, upload, asked, seed)
        after = edited(entry.model, image, self.directions.of(entry), list(amounts))
        words = zip(words_of(entry), amounts, strict=True)
        told = ", ".join(f"{word} {amount:+g}" for word, amount in words if amount) or "no edit"
        return gallery(torch.cat([image.cpu(), after.cpu()]), ["before", f"after: {told}"])

    def interpolate(
        self, name: str, uploads: Sequence[str | None], asked: Sequence[str], seeds: Sequence[float], steps: float
    ) -> str:
        """The pictures between two, through the latents."""
        entry = self.shelf[name]
        first, second = (self.source(entry, upload, asked, seed) for upload, seed in zip(uploads, seeds, strict=True))
        ways = entry.model.interpolate(first, second, whole(steps), "slerp")[0]
        return gallery(ways, shares(len(ways)))

    def source(self, entry: Entry, upload: str | None, asked: Sequence[str], seed: float) -> Tensor:
        """(1, C, H, W): the uploaded picture in the model's size, or one that the model draws."""
        if upload:
            return as_batch(read_upload(upload), entry.model.channels, entry.model.image_size)
        return draw(entry, condition_of(entry, asked), 1, whole(seed))

    def translate(self, name: str, direction: Direction, upload: str | None, seed: float) -> str:
        """A picture and what the other domain would show: the uploaded one, or an animal that is rendered."""
        model = self.shelf[name].model
        if upload:
            picture, source = read_upload(upload), "uploaded"
        else:
            animal = render_animal(direction == "b2a", whole(seed), size=64)
            picture, source = as_image(torch.from_numpy(animal.image).permute(2, 0, 1)), "example"
        before = as_batch(picture, model.generator(direction).channels)
        after = model.translate(before, direction).cpu()
        return gallery(torch.cat([before, after]), [source, f"translated by {name}, {direction}"])


def condition_of(entry: Entry, asked: Sequence[str]) -> Tensor:
    """(1, classes) for a model with conditions."""
    if entry.vocabulary is None:
        raise InputError(f"{entry.name} takes no conditions; it is in the tab Random")
    return entry.vocabulary.multi_hot(asked)


def words_of(entry: Entry) -> tuple[str, ...]:
    return entry.vocabulary.names if entry.vocabulary else ()


def shares(steps: int) -> list[str]:
    """How far each picture of a way is."""
    return [f"{share:.2f}" for share in torch.linspace(0, 1, steps).tolist()]


def whole(value: Any) -> Any:
    """A number of a page, where 8 may come as 8.0; what is none stays, for the check that tells it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
