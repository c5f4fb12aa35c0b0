"""The tabs of the page: which inputs each has, and which action its button runs."""

from collections.abc import Sequence

import gradio as gr

from lit_gans.playground import controls as make
from lit_gans.playground.actions import Actions
from lit_gans.playground.controls import Controls, chosen
from lit_gans.playground.shelf import Entry
from lit_gans.playground.vocabulary import Vocabulary

MOST_EDIT = 3.0
STEPS = 8


def conditions_tab(
    title: str, actions: Actions, controls: Controls, vocabulary: Vocabulary, entries: Sequence[Entry]
) -> None:
    """Pictures of what is chosen; of faces and other attributes also edits and the way between two."""
    kind = vocabulary.kind
    with gr.Tab(title):
        with gr.Row():
            model, n, seed = make.model(entries), make.pictures(), make.seed()
            temperature = make.temperature(entries, model)
        asked = make.conditions(vocabulary)

        def draw(name: str, n: float, seed: float, temperature: float, *asked: str | list[str]) -> str:
            return actions.draw(name, chosen(asked), n, seed, temperature)

        controls.button("Draw", draw, [model, n, seed, temperature, *asked], kind)
        editing = [entry for entry in entries if entry.edits]
        if editing:
            edit_part(actions, controls, vocabulary, editing, asked)


def edit_part(
    actions: Actions,
    controls: Controls,
    vocabulary: Vocabulary,
    entries: Sequence[Entry],
    asked: Sequence[gr.CheckboxGroup | gr.Radio],
) -> None:
    """Two pictures, uploaded or drawn with the chosen attributes; the first is edited, or becomes the second."""
    gr.Markdown("### Edit and interpolate\nPictures are drawn with the attributes chosen above, or uploaded.")
    with gr.Row():
        model = make.model(entries, "Model that edits")
        seeds = make.seed(0, "Seed of the first picture"), make.seed(1, "Seed of the second picture")
    with gr.Row():
        uploads = make.upload("First picture (in place of a drawn one)"), make.upload("Second picture")
    with gr.Row():
        shown = [name for group in vocabulary.groups.values() for name, _ in group]
        amounts = [gr.Slider(-MOST_EDIT, MOST_EDIT, 0, step=0.25, label=name) for name in shown]

    def edit(name: str, upload: str | None, seed: float, *values: float) -> str:
        given, asked = values[: len(amounts)], values[len(amounts) :]
        return actions.edit(name, upload, chosen(asked), seed, *given)

    def between(name: str, one: str | None, other: str | None, first: float, second: float, *asked: list[str]) -> str:
        return actions.interpolate(name, (one, other), chosen(asked), (first, second), STEPS)

    controls.button("Edit the first", edit, [model, uploads[0], seeds[0], *amounts, *asked], "edit")
    controls.button("From the first to the second", between, [model, *uploads, *seeds, *asked], "interpolate")


def translate_tab(title: str, actions: Actions, controls: Controls, entries: Sequence[Entry]) -> None:
    """A picture as the other domain would show it."""
    with gr.Tab(title):
        gr.Markdown("Upload a picture, or leave it out: then an animal is rendered, another one for each seed.")
        with gr.Row():
            model = make.model(entries)
            directions = [("A to B (horse to zebra)", "a2b"), ("B to A (zebra to horse)", "b2a")]
            direction = gr.Radio(directions, value="a2b", label="Direction")
            seed = make.seed(0, "Seed of the example")
        upload = make.upload("Picture")
        controls.button("Translate", actions.translate, [model, direction, upload, seed], "translate")


def random_tab(title: str, actions: Actions, controls: Controls, entries: Sequence[Entry]) -> None:
    """Pictures of noise and random conditions, and a walk through latents."""
    with gr.Tab(title):
        with gr.Row():
            model, n, seed = make.model(entries), make.pictures(16), make.seed()
            temperature = make.temperature(entries, model)
        controls.button("Draw at random", actions.grid, [model, n, seed, temperature], "random")
        gr.Markdown("### Latent walk\nFrom the latents of one seed to those of another, with one condition.")
        with gr.Row():
            first, second = make.seed(0, "First seed"), make.seed(1, "Last seed")
            steps = gr.Slider(2, 16, STEPS, step=1, label="Steps")
        controls.button("Walk", actions.walk, [model, first, second, steps], "walk")


def compare_tab(
    title: str, actions: Actions, controls: Controls, vocabulary: Vocabulary, entries: Sequence[Entry]
) -> None:
    """The same conditions through several models."""
    with gr.Tab(title):
        names = [entry.name for entry in entries]
        models = gr.CheckboxGroup(names, value=names, label="Models")
        with gr.Row():
            n, seed = make.pictures(), make.seed()
        asked = make.conditions(vocabulary)

        def compare(names: list[str], n: float, seed: float, *asked: str | list[str]) -> str:
            return actions.compare(names, chosen(asked), n, seed)

        controls.button("Compare", compare, [models, n, seed, *asked], "compare")
