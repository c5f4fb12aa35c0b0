"""Pictures as shards: the same pictures and labels as the folder's, streamed in an order that a run can go on with."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.datasets.labelled import from_numbers
from data_modules.errors import DataError
from data_modules.image_folder import ImageFolder
from lit_gans.cli import main

pytest.importorskip("litdata")
COUNT, SIZE = 40, 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 pictures, of which no two are alike, of three labels, with up to two each."""
    root = tmp_path_factory.mktemp("pictures")
    names = ["red", "green", "blue"]
    rows = []
    for i in range(COUNT):
        Image.new("RGB", (SIZE, SIZE), (5 * i, 255 - 5 * i, i)).save(root / f"{i:02d}.png")
        rows.append(f"{i:02d}.png,{';'.join(names[j] for j in {i % 3, (i // 2) % 3})}\n")
    (root / "metadata.csv").write_text("file_name,colour\n" + "".join(rows))
    return root


@pytest.fixture(scope="module")
def shards(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as shards of seven."""
    out = tmp_path_factory.mktemp("streamed") / "shards"
    words = f"data shard {folder} {out} --image-size {SIZE} --pictures 7 --val-fraction 0.1"
    assert main(words.split()) == 0
    assert len(list((out / "train").glob("*.bin"))) == 6 and len(list((out / "val").glob("*.bin"))) == 1
    return out


def module(root: Path | str, **options: Any) -> ImageFolder:
    data = ImageFolder(str(root), **({"image_size": SIZE, "batch_size": 5, "val_fraction": 0.1} | options))
    data.prepare_data()
    data.setup("fit")
    return data


def seen(batch: dict[str, torch.Tensor]) -> list[tuple[int, ...]]:
    """Colour and class numbers of each picture of a batch."""
    pixels = batch["image"][:, :, 0, 0].tolist()
    return [(*colour, *sorted(classes)) for colour, classes in zip(pixels, batch["classes"].tolist(), strict=True)]


def test_shards_hold_the_folders_pictures_classes_and_split(folder: Path, shards: Path) -> None:
    plain, streamed = module(folder), module(shards)
    assert streamed.class_names == plain.class_names and streamed.num_classes == 3
    plain.train_rows = torch.arange(COUNT)
    every = {one for batch in plain.train_dataloader() for one in seen(batch)}
    loader = streamed.train_dataloader()
    assert len(loader) == 7
    found = [one for batch in loader for one in seen(batch)]
    held_out = [seen(batch) for batch in streamed.val_dataloader()]
    assert len(found) == len(set(found)) == 35 and set(found) <= every - set(held_out[0])  # of 36
    assert held_out == [seen(batch) for batch in plain.val_dataloader()] and len(held_out[0]) == 4


def test_a_batch_becomes_floats_and_a_multi_hot_condition_on_the_device(shards: Path) -> None:
    data = module(shards)
    batch = next(iter(data.train_dataloader()))
    numbers = batch["classes"].clone()
    ready = data.on_after_batch_transfer(batch, 0)
    assert ready["image"].dtype == torch.float32 and ready["condition"].shape == (5, 3)
    for row, classes in zip(ready["condition"], numbers.tolist(), strict=True):
        assert row.nonzero().flatten().tolist() == sorted({number for number in classes if number >= 0})


def test_numbers_and_multi_hot_conditions_are_the_same() -> None:
    numbers = torch.tensor([[0, 2], [1, -1], [-1, -1], [2, 2]])
    assert from_numbers(numbers, 3).tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert from_numbers(numbers[:, :0], 3).tolist() == [[0, 0, 0]] * 4


def test_each_epoch_has_an_order_of_its_own_and_the_same_one_again(shards: Path) -> None:
    loader = module(shards, flip=True).train_dataloader()

    def epoch(number: int) -> list[Any]:
        loader.set_epoch(number)
        return [(seen(batch), batch["flip"].tolist()) for batch in loader]

    first, second = epoch(0), epoch(1)
    assert first != second and epoch(0) == first and epoch(1) == second
    assert sorted(one for part, _ in first for one in part) != [one for part, _ in first for one in part]


@pytest.mark.parametrize("position", range(1, 7))
def test_an_epoch_goes_on_from_any_batch_as_it_would_have(position: int, shards: Path) -> None:
    whole = module(shards).train_dataloader()
    whole.set_epoch(3)
    expected = [seen(batch) for batch in whole]
    resumed = module(shards).train_dataloader()
    resumed.load_state_dict({"position": position})
    resumed.set_epoch(3)
    assert [seen(batch) for batch in resumed] == expected[position:]
    resumed.set_epoch(4)
    assert len(list(resumed)) == 7  # the next epoch is whole


def test_shards_are_read_from_an_address_into_the_cache(shards: Path, tmp_path: Path) -> None:
    local, remote = module(shards), module(f"local:{shards}", cache_dir=str(tmp_path / "cache"))
    assert remote.class_names == local.class_names
    assert [seen(b) for b in remote.train_dataloader()] == [seen(b) for b in local.train_dataloader()]
    assert list((tmp_path / "cache").rglob("*.json"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"image_size": 16}, r"pictures of 8 px and 3 channel\(s\); give --data.image_size 8 --data.channels 3"),
        ({"channels": 1}, r"give --data.image_size 8 --data.channels 3"),
        ({"batch_size": 64}, r"less than one batch of 64; set data.batch_size lower"),
    ],
)
def test_what_does_not_fit_the_shards_is_refused(options: dict[str, Any], told: str, shards: Path) -> None:
    with pytest.raises(DataError, match=told):
        module(shards, **options).train_dataloader()


def test_no_shards_and_those_of_others_are_refused(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no shards can be read there"):
        ImageFolder(f"local:{tmp_path / 'nothing'}").class_names  # noqa: B018
    index = json.loads((shards / "train" / "index.json").read_text())
    index.pop("lit_gans")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"no shards of `lit-gans data shard`; write them anew"):
        ImageFolder(str(tmp_path)).class_names  # noqa: B018


def test_shards_are_written_whole_or_not_at_all(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "pictures"
    broken.mkdir()
    for i in range(6):
        Image.new("RGB", (8, 8)).save(broken / f"{i}.png")
    (broken / "7.png").write_bytes(b"no picture")
    assert main(["data", "shard", str(broken), str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "image files cannot be read" in error and "7.png: no picture" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    assert main(["data", "shard", str(folder), str(tmp_path / "full"), "--image-size", "8"]) == 2
    assert "is not an empty folder" in capsys.readouterr().err


def test_grey_pictures_without_labels_are_sharded_too(folder: Path, tmp_path: Path) -> None:
    words = f"data shard {folder} {tmp_path / 'out'} --image-size 8 --channels 1 --labels none"
    assert main(words.split()) == 0
    data = module(tmp_path / "out", channels=1, labels="none")
    batch = next(iter(data.train_dataloader()))
    assert batch.keys() == {"image"} and batch["image"].shape == (5, 1, 8, 8)
    with pytest.raises(DataError, match=r"shards without labels; give --data.labels none"):
        module(tmp_path / "out", channels=1)
    assert np.asarray(data.columns["image"]).shape == (2, 1, 8, 8)
