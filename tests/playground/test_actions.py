"""What the buttons of a playground give."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.rendered.animals import render_animal
from lit_gans.errors import InputError
from lit_gans.inference.generators import SlotGenerator
from lit_gans.metrics.object_score import object_hits
from lit_gans.pictures import as_image, to_uint8
from lit_gans.playground.actions import Actions
from lit_gans.playground.drawing import walk
from lit_gans.playground.shelf import Shelf

Files = dict[str, str]


def pictures(html: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [np.array(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def same(html: str, images: torch.Tensor) -> bool:
    return np.array_equal(np.stack(pictures(html)), np.stack([np.array(as_image(one)) for one in to_uint8(images)]))


def test_draw_shows_what_the_model_samples_and_the_object_score(actions: Actions, shelf: Shelf, files: Files) -> None:
    entry = shelf[files["objects"]]
    html = actions.draw(entry.name, ["red cube", "blue sphere"], 8.0, 3.0, 0.5)
    images = entry.model.sample([["red cube", "blue sphere"]], n=8, seed=3, temperature=0.5)
    assert same(html, images)
    condition = torch.tensor([[1.0, 0, 0, 1, 0]]).expand(8, -1)
    hits = object_hits(shelf.judges[0].evaluator(images), condition)
    assert f"<b>{hits.sum() / 16:.3f}</b>" in html and f"sees {hits.sum()} of 16 objects" in html
    assert html.count("✓ ") == hits.sum() and html.count("(missing)") == 16 - hits.sum()
    assert 0 < hits.sum() < 16  # both marks are shown
    assert html.count('alt="') == 8


def test_a_model_without_evaluator_draws_without_score(actions: Actions, files: Files) -> None:
    html = actions.draw(files["faces"], ["Smiling"], 2, 0)
    assert len(pictures(html)) == 2 and "--evaluator FILE" in html and "Object score" not in html


def test_compare_draws_the_same_condition_by_each_model(actions: Actions, files: Files) -> None:
    names = [files["objects"], files["whole"]]
    html = actions.compare(names, ["gray cone"], 2, 5)
    assert pictures(html)[2].tolist() == pictures(actions.draw(names[1], ["gray cone"], 2, 5))[0].tolist()
    assert len(pictures(html)) == 4 and all(f"<h3>{name}</h3>" in html for name in names)


@pytest.mark.parametrize("name", ["objects", "whole", "faces", "tags", "dcgan"])
def test_a_walk_begins_and_ends_with_the_pictures_of_its_seeds(shelf: Shelf, files: Files, name: str) -> None:
    entry = shelf[files[name]]
    way, asked = walk(entry, (3, 4), 5)
    assert len(way) == 5 and bool(asked) == (name != "dcgan")
    condition = () if entry.vocabulary is None else (entry.vocabulary.multi_hot(asked.split(", ")),)
    if isinstance(entry.model, SlotGenerator) or name in ("whole", "tags", "dcgan"):
        for i, seed in ((0, 3), (4, 4)):
            drawn = entry.model.sample(*condition, n=1, seed=seed)
            assert torch.allclose(way[i], drawn[0], atol=1e-4), (name, i)
    assert (way[1:] - way[:-1]).abs().mean() > 0


def test_no_edit_gives_the_picture_itself_and_an_amount_another_one(actions: Actions, files: Files) -> None:
    before, after = pictures(actions.edit(files["faces"], None, ["Smiling"], 1, 0, 0, 0))
    assert np.abs(before.astype(int) - after).max() <= 1
    html = actions.edit(files["faces"], None, ["Smiling"], 1, 2.0, 0, -1)
    assert "after: Smiling +2, Pale_Skin -1" in html
    assert np.abs(pictures(html)[0].astype(int) - pictures(html)[1]).max() > 1


def test_an_interpolation_begins_and_ends_with_the_two_pictures(
    actions: Actions, files: Files, picture_file: str
) -> None:
    ways = pictures(actions.interpolate(files["faces"], (picture_file, None), ["Smiling"], (0, 1), 4))
    assert len(ways) == 4 and np.abs(ways[0].astype(int) - (200, 80, 20)).max() <= 2
    drawn = pictures(actions.draw(files["faces"], ["Smiling"], 1, 1))[0]
    assert np.abs(ways[-1].astype(int) - drawn).max() <= 2


def test_translate_takes_an_upload_or_renders_an_example(actions: Actions, files: Files, picture_file: str) -> None:
    before, after = pictures(actions.translate(files["cyclegan"], "b2a", picture_file, 0))
    assert before.shape == after.shape == (24, 40, 3) and (before == (200, 80, 20)).all()
    example = pictures(actions.translate(files["cyclegan"], "b2a", None, 7))[0]
    assert np.array_equal(example, render_animal(True, 7, size=64).image)


@pytest.mark.parametrize(
    ("asked", "n", "seed", "expected"),
    [
        ([], 8, 0, "nothing is chosen"),
        (["red cube"], 0, 0, "number of pictures is 0"),
        (["red cube"], 33, 0, "of at most 32"),
        (["red cube"], 1.5, 0, "a whole number"),
        (["red cube"], 1, None, "seed is None"),
        (["red cube"], 1, -1, "seed is -1"),
        (["red cube", "blue cube", "red sphere", "blue sphere"], 1, 0, "3 slots"),
    ],
)
def test_values_that_are_not_possible_are_told(
    actions: Actions, files: Files, asked: list[str], n: float, seed: float, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        actions.draw(files["objects"], asked, n, seed)


def test_uploads_that_are_none_are_told_by_name(actions: Actions, files: Files, tmp_path: Path) -> None:
    def told(content: bytes) -> str:
        file = tmp_path / "cat.png"
        file.write_bytes(content)
        with pytest.raises(InputError) as error:
            actions.translate(files["cyclegan"], "a2b", str(file), 0)
        return str(error.value)

    assert told(b"no picture") == "cat.png: no picture in a format that is read"
    assert told(b"") == "cat.png: empty file (0 bytes)"
    assert told(b"\0" * 10_000_001) == "cat.png: more than 10 MB; make it smaller"
    bomb = io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(bomb, "PNG")
    assert told(bomb.getvalue()) == "cat.png: 9000x9000 pixels; make it smaller"


def test_names_are_shown_as_text_never_as_html(actions: Actions, files: Files) -> None:
    with pytest.raises(InputError, match="no class"):
        actions.draw(files["objects"], ["<script>"], 1, 0)
    from lit_gans.playground.figures import gallery, score_line, ticks

    page = gallery(torch.zeros(1, 3, 4, 4), ['<b>"']) + ticks(["<b>"], [False]) + score_line(1, 2, "<b>")
    assert "<b>0.500</b>" in page and page.count("<b>") == 1
