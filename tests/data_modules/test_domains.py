"""Two domains as two classes: which pictures are trained on, held out and tested, and under which label."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from data_modules.domains import Domains
from data_modules.errors import DataError

COUNTS = {"trainA": 6, "trainB": 4, "testA": 2, "testB": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of one grey value each: A dark, B light."""
    for name, count in COUNTS.items():
        (tmp_path / name).mkdir()
        for i in range(count):
            Image.new("RGB", (10, 8), (i + (200 if name.endswith("B") else 0),) * 3).save(tmp_path / name / f"{i}.png")
    return tmp_path


def made(folder: Path, **options: object) -> Domains:
    return Domains(str(folder), image_size=8, batch_size=3, val_fraction=0.3, **options)  # type: ignore[arg-type]


def test_every_picture_has_the_class_of_its_folder_and_is_in_one_part(folder: Path) -> None:
    data = made(folder, names=["horse", "zebra"])
    assert (data.class_names, data.num_classes) == (["horse", "zebra"], 2)
    data.prepare_data()
    data.setup("fit")
    rows = data.split_rows()
    assert sorted(torch.cat(rows).tolist()) == list(range(10)) and len(rows[1]) == 3
    light = (data.columns["image"][:, 0, 0, 0] >= 200).long()
    assert torch.equal(torch.as_tensor(data.columns["classes"])[:, 0], light)
    data.setup("test")
    held_out, classes = data.test_dataloader()
    images = torch.cat([data.on_after_batch_transfer(batch, 0)["image"] for batch in held_out])
    assert (
        len(images) == COUNTS["testA"] + COUNTS["testB"]
        and (images[:, 0, 0, 0] > 0).tolist() == [False] * 2 + [True] * 3
    )
    assert {batch["name"] for batch in held_out} == {"held_out"} and {batch["name"] for batch in classes} == {"classes"}


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"data\.names is"):
        made(folder, names=["horse"])
    (folder / "testB").rename(folder / "elsewhere")
    with pytest.raises(DataError, match=r"testB: no such folder; data\.root must hold trainA"):
        made(folder).prepare_data()
