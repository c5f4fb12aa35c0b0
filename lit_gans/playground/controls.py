"""The inputs of the page, each with a label, and buttons whose errors are told as the command line tells them."""

import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import gradio as gr

from lit_gans.boundary import BUG, told
from lit_gans.playground.drawing import MOST_PICTURES
from lit_gans.playground.shelf import Entry
from lit_gans.playground.uploads import MOST_BYTES, SUFFIXES
from lit_gans.playground.vocabulary import Vocabulary

# Clicks that run one after the other, whoever clicks: a model computes with all cores anyway.
IN_TURN = "models"


def shown(action: Callable[..., str]) -> Callable[..., str]:
    """The action; its errors are shown as the command line tells them, and of a bug, where its traceback is."""

    @wraps(action)
    def run(*values: Any) -> str:
        try:
            return action(*values)
        except Exception as error:
            message = told(error)
            if message is None:
                traceback.print_exc()
                message = f"{BUG} (The lines are in the terminal of lit-gans playground.)"
            raise gr.Error(message, title="Error", print_exception=False) from None

    return run


class Controls:
    """Makes inputs and buttons; counts the names under which a program calls the buttons."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def button(self, text: str, action: Callable[..., str], inputs: Sequence[Any], name: str) -> None:
        """A button and the place where its pictures appear."""
        own = name if name not in self.names else f"{name}_{self.names.count(name) + 1}"
        self.names.append(name)
        button = gr.Button(text, variant="primary")
        output = gr.HTML(elem_id=f"pictures_{own}", min_height=160)
        button.click(shown(action), list(inputs), output, api_name=own, concurrency_id=IN_TURN, concurrency_limit=1)


def model(entries: Sequence[Entry], label: str = "Model") -> gr.Dropdown:
    return gr.Dropdown([entry.name for entry in entries], value=entries[0].name, label=label)


def temperature(entries: Sequence[Entry], chosen: gr.Dropdown) -> gr.Slider:
    """The model's own, also when another model is chosen."""
    slider = gr.Slider(0, 1.5, entries[0].model.temperature, step=0.05, label="Temperature (factor of the noise)")
    own = {entry.name: entry.model.temperature for entry in entries}
    chosen.change(own.__getitem__, chosen, slider, api_visibility="private", queue=False)
    return slider


def pictures(value: int = 8) -> gr.Slider:
    return gr.Slider(1, MOST_PICTURES, value, step=1, label="Pictures")


def seed(value: int = 0, label: str = "Seed") -> gr.Number:
    return gr.Number(value, label=label, precision=0, minimum=0)


def upload(label: str) -> gr.File:
    return gr.File(label=f"{label}, up to {MOST_BYTES // 1_000_000} MB", file_types=list(SUFFIXES), type="filepath")


def conditions(vocabulary: Vocabulary) -> list[gr.CheckboxGroup | gr.Radio]:
    """An input for each group: one of them for tags, any of them for the rest."""
    made: list[gr.CheckboxGroup | gr.Radio] = []
    for i, (group, choices) in enumerate(vocabulary.groups.items()):
        if vocabulary.kind == "tags":
            made.append(gr.Radio(choices, value=choices[0][1], label=group))
        else:
            made.append(gr.CheckboxGroup(choices, value=[choices[0][1]] if not i else [], label=group))
    return made


def chosen(values: Sequence[Any]) -> list[str]:
    """The names that are chosen in the inputs of `conditions`."""
    return [name for value in values for name in ([value] if isinstance(value, str) else value or [])]
