"""The page: a tab for each thing that one of the models can do, and a line for each that none can."""

import gradio as gr

from lit_gans.playground.actions import Actions
from lit_gans.playground.controls import Controls
from lit_gans.playground.shelf import Shelf
from lit_gans.playground.tabs import compare_tab, conditions_tab, random_tab, translate_tab
from lit_gans.playground.vocabulary import Kind, Vocabulary

TITLES: dict[Kind, str] = {"objects": "Objects", "faces": "Faces", "tags": "Tags", "classes": "Classes"}
# What makes a model for a tab that is not there.
RECIPES = {
    "Objects": "lit-gans fit --config conditional_gan_iclevr --data.root DIR",
    "Faces": "lit-gans data render-faces FACES; "
    "lit-gans fit --config flow_celeba --data.root FACES --data.attributes null",
    "Tags": "lit-gans fit --config conditional_gan_anime --data.root ANIME",
    "Translate": "lit-gans data render-animals ANIMALS; lit-gans fit --config cyclegan_horse2zebra --data.root ANIMALS",
    "Random": "lit-gans fit --config gan --data.root PICTURES",
    "Compare": "lit-gans playground CKPT CKPT, two models of the same classes",
}


def page_of(shelf: Shelf) -> gr.Blocks:
    """The page of these models."""
    actions = Actions(shelf)
    controls = Controls()
    with gr.Blocks(title="lit_gans playground", analytics_enabled=False) as page:
        gr.Markdown(
            "# lit_gans playground\nTrained models draw what you choose. The same seed gives the same pictures."
        )
        with gr.Tabs():
            there = tabs_of(shelf, actions, controls)
        for title, recipe in RECIPES.items():
            if title not in there:
                gr.Markdown(f"No tab **{title}**: no model here is for it. Get one: `{recipe}`")
    return page.queue(max_size=100, default_concurrency_limit=1)


def tabs_of(shelf: Shelf, actions: Actions, controls: Controls) -> set[str]:
    """Builds the tabs and returns their kinds."""
    there: set[str] = set()

    def named(kind: str, vocabulary: Vocabulary | None = None) -> str:
        """The kind; from its second tab on with the first class that it asks for."""
        title = f"{kind}: {vocabulary.names[0]}, ..." if vocabulary and kind in there else kind
        there.add(kind)
        return title

    groups = shelf.by_vocabulary()
    for kind in TITLES:
        for vocabulary, entries in groups:
            if vocabulary.kind == kind:
                conditions_tab(named(TITLES[kind], vocabulary), actions, controls, vocabulary, entries)
    if shelf.translating:
        translate_tab(named("Translate"), actions, controls, shelf.translating)
    if shelf.drawing:
        random_tab(named("Random"), actions, controls, shelf.drawing)
    for vocabulary, entries in groups:
        if len(entries) > 1:
            compare_tab(named("Compare", vocabulary), actions, controls, vocabulary, entries)
    return there
