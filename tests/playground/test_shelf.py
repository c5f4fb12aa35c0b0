"""Which models a playground has, what they are asked for, and who judges them."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from lit_gans import zoo
from lit_gans.errors import InputError
from lit_gans.playground.shelf import Judge, Shelf, shelf_of
from lit_gans.playground.vocabulary import vocabulary_of

CPU = torch.device("cpu")


def test_two_words_are_an_object_and_hair_with_eyes_is_a_tag() -> None:
    objects = vocabulary_of(["red cube", "blue cube", "red sphere"], 3)
    assert objects.kind == "objects"
    assert objects.groups == {
        "cube": [("red cube", "red cube"), ("blue cube", "blue cube")],
        "sphere": [("red sphere", "red sphere")],
    }
    assert vocabulary_of(["red hair", "blue eyes"], 2).kind == "tags"
    assert vocabulary_of(["Smiling", "Pale_Skin"], 2).groups == {
        "attributes": [("Smiling", "Smiling"), ("Pale Skin", "Pale_Skin")]
    }
    assert vocabulary_of(["cats", "dogs"], 2).kind == "classes"
    assert vocabulary_of(None, 2).names == ("class 0", "class 1")


def test_random_conditions_are_what_the_kind_may_ask_for() -> None:
    rng = torch.Generator().manual_seed(0)
    rows = vocabulary_of([f"{colour} {shape}" for colour in "abcd" for shape in ("x", "y")], 8).random(200, rng, 2)
    assert set(rows.sum(dim=1).tolist()) == {1, 2}
    tags = vocabulary_of(["red hair", "blue hair", "red eyes", "blue eyes", "green eyes"], 5).random(200, rng)
    assert (tags[:, :2].sum(dim=1) == 1).all() and (tags[:, 2:].sum(dim=1) == 1).all()
    assert tags.sum(dim=0).min() > 20
    faces = vocabulary_of(["Smiling", "Male", "Young", "Hat"], 4).random(200, rng)
    assert set(faces.sum(dim=1).tolist()) == {1, 2}


def test_a_condition_has_a_one_for_each_asked_name_and_none_is_an_error() -> None:
    vocabulary = vocabulary_of(["red cube", "blue cube", "red sphere"], 3)
    assert vocabulary.multi_hot(["red sphere", "red cube"]).tolist() == [[1, 0, 1]]
    for asked in ([], ["green cube"]):
        with pytest.raises(InputError):
            vocabulary.multi_hot(asked)


def test_models_are_sorted_by_what_they_can_do(shelf: Shelf, files: dict[str, str]) -> None:
    by_file = {file: name for name, file in files.items()}
    assert {by_file[entry.name] for entry in shelf.drawing} == {"objects", "whole", "faces", "tags", "dcgan"}
    assert [by_file[entry.name] for entry in shelf.translating] == ["cyclegan"]
    assert [by_file[entry.name] for entry in shelf.entries if entry.edits] == ["faces"]
    groups = [[by_file[entry.name] for entry in entries] for _, entries in shelf.by_vocabulary()]
    assert groups == [["objects", "whole"], ["faces"], ["tags"]]


def test_without_arguments_it_is_the_zoo_without_its_classifiers() -> None:
    shelf = shelf_of([], [], CPU)
    cards = zoo.cards()
    drawing = [name for name, card in cards.items() if card["run"]["model"] != "Evaluator"]
    assert [entry.name for entry in shelf.entries] == drawing
    assert {judge.name for judge in shelf.judges} == cards.keys() - set(drawing)


def test_an_evaluator_judges_what_was_trained_on_its_data_and_a_given_one_all_with_its_classes(
    shelf: Shelf, files: dict[str, str], judge_file: str
) -> None:
    objects, faces = shelf[files["objects"]], shelf[files["faces"]]
    assert shelf.judge_of(objects) is shelf.judges[0]
    assert shelf.judge_of(faces) is None  # five classes, three attributes
    of_the_zoo = Shelf(shelf.entries, [Judge("judge", shelf.judges[0].file, "scenes")])
    assert of_the_zoo.judge_of(objects) is None
    assert of_the_zoo.judge_of(replace(objects, data="scenes")) is of_the_zoo.judges[0]


@pytest.mark.parametrize("name", ["no_such_model", "evaluator_rendered"])
def test_what_draws_nothing_is_refused_before_anything_is_served(name: str) -> None:
    with pytest.raises(InputError, match=name):
        shelf_of([name], [], CPU)
    with pytest.raises(InputError, match="no_such_file"):
        shelf_of([], ["no_such_file.pth"], CPU)


CODE = """
import sys
import torch
from lit_gans.playground.actions import Actions
from lit_gans.playground.shelf import shelf_of

shelf = shelf_of(sys.argv[1:], [], torch.device("cpu"))
actions = Actions(shelf)
for entry in shelf.drawing:
    assert "<img" in actions.grid(entry.name, 2, 0)
    assert "<img" in actions.walk(entry.name, 0, 1, 2)
assert "<img" in actions.translate(shelf.translating[0].name, "a2b", None, 0)
heavy = ("lightning", "torchmetrics", "torchvision", "matplotlib", "gradio")
assert not [name for name in sys.modules if name.split(".")[0] in heavy]
"""


def test_drawing_imports_neither_lightning_nor_metrics_nor_torchvision(files: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, *files.values()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
