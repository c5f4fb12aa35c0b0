"""The iCLEVR data module: which images come in which batch, and as what."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data_modules.datasets.iclevr import split_by_digit, split_by_scene
from data_modules.errors import DataError
from data_modules.iclevr import ICLEVR
from data_modules.loader import ArrayLoader, Batch, take

IMAGES = 36


def module(folder: Path, **options: Any) -> ICLEVR:
    data = ICLEVR(str(folder), **({"image_size": 16, "batch_size": 5, "val_fraction": 0.25} | options))
    data.prepare_data()
    data.setup("fit")
    return data


@pytest.fixture(scope="module")
def data(scenes_folder: Path) -> ICLEVR:
    return module(scenes_folder)


@pytest.fixture(scope="module")
def files(scenes_folder: Path) -> list[str]:
    """File names in the order of the rows."""
    return sorted(json.loads((scenes_folder / "train.json").read_text()))


@pytest.fixture(scope="module")
def pixels(scenes_folder: Path, files: list[str]) -> np.ndarray:
    """uint8 (36, 16, 16, 3), as Pillow reads the files."""
    return np.stack([np.asarray(Image.open(scenes_folder / "images" / name)) for name in files])


def as_float(pixels: np.ndarray) -> Tensor:
    """Independent of the module: float64 arithmetic, channels moved to the front."""
    return torch.from_numpy((pixels.astype(np.float64) / 127.5 - 1).transpose(0, 3, 1, 2)).float()


def on_device(data: ICLEVR, batches: ArrayLoader) -> list[Batch]:
    return [data.on_after_batch_transfer(batch, 0) for batch in batches]


def scenes(rows: Tensor, files: list[str]) -> set[str]:
    return {files[row].split("_")[2] for row in rows.tolist()}


class TestSplit:
    def test_no_scene_is_on_both_sides_and_no_image_is_lost(self, data: ICLEVR, files: list[str]) -> None:
        train, val = scenes(data.train_rows, files), scenes(data.val_rows, files)
        assert not train & val
        assert len(train | val) == 12
        assert sorted(data.train_rows.tolist() + data.val_rows.tolist()) == list(range(IMAGES))

    def test_all_three_images_of_a_held_out_scene_are_held_out(self, data: ICLEVR, files: list[str]) -> None:
        names = [files[row] for row in data.val_rows.tolist()]
        assert names == [f"CLEVR_train_{s}_{i}.png" for s in sorted(scenes(data.val_rows, files)) for i in range(3)]

    @pytest.mark.parametrize(("fraction", "held_out"), [(0.25, 3), (0.5, 6), (0.3, 4), (0.01, 1), (0.99, 11)])
    def test_the_fraction_is_of_scenes_and_neither_part_is_empty(
        self, files: list[str], fraction: float, held_out: int
    ) -> None:
        train, val = split_by_scene(files, fraction, seed=0)
        assert len(scenes(val, files)) == held_out and len(val) == 3 * held_out
        assert len(scenes(train, files)) == 12 - held_out

    def test_the_split_is_a_function_of_the_seed(self, files: list[str]) -> None:
        torch.manual_seed(1)
        first = split_by_scene(files, 0.25, seed=7)[1].tolist()
        torch.manual_seed(2)
        assert split_by_scene(files, 0.25, seed=7)[1].tolist() == first
        others = {tuple(split_by_scene(files, 0.25, seed=seed)[1].tolist()) for seed in range(20)}
        assert len(others) > 10  # of 220 possible

    def test_the_split_does_not_depend_on_how_many_images_a_scene_has(self, files: list[str]) -> None:
        singles = [name for name in files if name.endswith("_0.png")]
        assert scenes(split_by_scene(singles, 0.25, 3)[1], singles) == scenes(split_by_scene(files, 0.25, 3)[1], files)

    def test_a_digit_holds_out_the_scenes_whose_number_ends_in_it_whatever_the_seed(self, scenes_folder: Path) -> None:
        for seed in (0, 3):
            data = module(scenes_folder, held_out_digit=1, seed=seed)
            names = [data.paths()[row].name for row in data.val_rows.tolist()]
            assert names == [f"CLEVR_train_{scene}_{i}.png" for scene in ("000001", "000011") for i in range(3)]
            assert sorted([*data.train_rows.tolist(), *data.val_rows.tolist()]) == list(range(IMAGES))

    def test_a_digit_that_no_scene_or_every_scene_ends_in_is_refused(self, scenes_folder: Path) -> None:
        with pytest.raises(DataError, match=r"data.held_out_digit is 10; expected 0 to 9"):
            module(scenes_folder, held_out_digit=10)
        for digit, found in (("8", "no scene ends"), ("7", "all scenes end")):
            with pytest.raises(DataError, match=f"held_out_digit is {digit}, and {found} in it"):
                split_by_digit(["CLEVR_train_000007_0.png", "CLEVR_train_000017_0.png"], digit)

    def test_a_single_scene_is_refused(self) -> None:
        with pytest.raises(DataError, match=r"train.json lists 1 scene.*at least 2"):
            split_by_scene(["CLEVR_train_000000_0.png", "CLEVR_train_000000_1.png"], 0.5, seed=0)

    @pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
    def test_a_fraction_outside_of_0_and_1_is_refused(self, scenes_folder: Path, fraction: float) -> None:
        with pytest.raises(DataError, match=f"data.val_fraction is {fraction}"):
            ICLEVR(str(scenes_folder), val_fraction=fraction)


class TestBatches:
    def test_known_pixels_become_x_over_127_5_minus_1(self, tmp_path: Path) -> None:
        colors = [(0, 127, 255), (128, 51, 204)]
        for i, color in enumerate(colors):
            Image.new("RGB", (8, 8), color).save(tmp_path / f"CLEVR_train_00000{i}_0.png")
        names = {f"CLEVR_train_00000{i}_0.png": ["a"] for i in range(2)}
        (tmp_path / "train.json").write_text(json.dumps(names))
        (tmp_path / "objects.json").write_text('{"a": 0}')
        data = module(tmp_path, image_size=8, batch_size=1)
        (train,), (val,) = on_device(data, data.train_dataloader()), on_device(data, data.val_dataloader())
        images = {int(data.train_rows): train["image"], int(data.val_rows): val["image"]}
        # 127 / 127.5 - 1 = -1/255 and 128 / 127.5 - 1 = 1/255
        for row, expected in enumerate([(-1, -1 / 255, 1), (1 / 255, -0.6, 0.6)]):
            whole = torch.tensor(expected).view(1, 3, 1, 1).expand(1, 3, 8, 8)
            torch.testing.assert_close(images[row], whole, rtol=0, atol=1e-6)

    def test_training_batches_hold_the_listed_pixels_and_labels(
        self, data: ICLEVR, scenes_folder: Path, files: list[str], pixels: np.ndarray
    ) -> None:
        labels = json.loads((scenes_folder / "train.json").read_text())
        index = json.loads((scenes_folder / "objects.json").read_text())
        batches = on_device(data, data.train_dataloader())
        picks = data.train_dataloader().order.batches(0)
        assert len(batches) == 27 // 5
        for batch, pick in zip(batches, picks, strict=True):
            rows = data.train_rows[pick].tolist()
            torch.testing.assert_close(batch["image"], as_float(pixels[rows]), rtol=0, atol=1e-6)
            hot = torch.zeros(5, 24)
            for i, row in enumerate(rows):
                for name in labels[files[row]]:
                    hot[i, index[name]] = 1
            torch.testing.assert_close(batch["condition"], hot, rtol=0, atol=0)

    def test_images_are_float32_in_minus_1_to_1_and_use_the_range(self, data: ICLEVR) -> None:
        image = torch.cat([batch["image"] for batch in on_device(data, data.train_dataloader())])
        assert image.dtype == torch.float32 and image.shape == (25, 3, 16, 16)
        assert -1 <= image.min() < -0.4 and 0.2 < image.max() <= 1

    def test_validation_is_every_held_out_image_once_and_never_mirrored(
        self, scenes_folder: Path, pixels: np.ndarray
    ) -> None:
        data = module(scenes_folder, flip=True, eval_batch_size=4)
        batches = on_device(data, data.val_dataloader())
        assert [len(batch["image"]) for batch in batches] == [4, 4, 1]
        expected = as_float(pixels[data.val_rows.numpy()])
        torch.testing.assert_close(torch.cat([b["image"] for b in batches]), expected, rtol=0, atol=1e-6)
        assert all(set(batch) == {"image", "condition", "order"} for batch in batches)

    def test_exactly_the_flagged_images_are_mirrored_left_to_right(self, scenes_folder: Path) -> None:
        data = module(scenes_folder, flip=True, batch_size=9)
        flags = []
        for raw in data.train_dataloader():
            flagged, plain = raw["flip"].tolist(), as_float(raw["image"].permute(0, 2, 3, 1).numpy())
            batch = data.on_after_batch_transfer(raw, 0)
            assert set(batch) == {"image", "condition", "order"}
            for image, original, mirrored in zip(batch["image"], plain, flagged, strict=True):
                expected = torch.stack([original[:, :, 15 - x] for x in range(16)], dim=2) if mirrored else original
                torch.testing.assert_close(image, expected, rtol=0, atol=1e-6)
                assert not torch.equal(original, original.flip(-1))
            flags += flagged
        assert 0 < sum(flags) < len(flags) == 27

    def test_resident_tensor_and_memory_map_give_the_same_batches(self, scenes_folder: Path) -> None:
        resident = module(scenes_folder, flip=True, device_resident=True)
        mapped = module(scenes_folder, flip=True, device_resident=False)
        assert isinstance(resident.columns["image"], Tensor)
        assert isinstance(mapped.columns["image"], np.memmap)
        for loader in ("train_dataloader", "val_dataloader"):
            one, two = (on_device(each, getattr(each, loader)()) for each in (resident, mapped))
            assert len(one) == len(two) > 0
            torch.testing.assert_close(one, two, rtol=0, atol=0)

    def test_auto_keeps_a_small_set_resident_and_a_too_large_one_mapped(
        self, scenes_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        size = IMAGES * 3 * 16 * 16
        monkeypatch.setattr("data_modules.datasets.base.free_memory", lambda device: 2 * size + 2)
        assert isinstance(module(scenes_folder, device_resident="auto").columns["image"], Tensor)
        monkeypatch.setattr("data_modules.datasets.base.free_memory", lambda device: 2 * size)
        assert isinstance(module(scenes_folder, device_resident="auto").columns["image"], np.memmap)

    def test_training_on_a_resident_batch_leaves_the_stored_pixels_alone(
        self, scenes_folder: Path, pixels: np.ndarray
    ) -> None:
        data = module(scenes_folder, flip=True, device_resident=True)
        for batch in on_device(data, data.train_dataloader()):
            batch["image"].zero_()
            batch["condition"].zero_()
        np.testing.assert_array_equal(np.asarray(data.columns["image"]), pixels.transpose(0, 3, 1, 2))
        assert data.columns["condition"].sum() == 12 * (1 + 2 + 3)

    def test_the_order_is_that_of_the_names_in_the_file(
        self, scenes_folder: Path, data: ICLEVR, files: list[str]
    ) -> None:
        """train.json names the objects in the order in which they were put into the scene."""
        listed = json.loads((scenes_folder / "train.json").read_text())
        for batch, rows in (
            (data.preview_batch(), data.val_rows),
            (take(data.columns, data.train_rows), data.train_rows),
        ):
            assert torch.equal(batch["order"] > 0, batch["condition"] > 0)
            for order, row in zip(batch["order"], rows.tolist(), strict=True):
                names = sorted((rank, data.class_names[i]) for i, rank in enumerate(order.tolist()) if rank)
                assert names == list(enumerate(listed[files[row]], start=1))

    def test_images_are_resized_to_image_size(self, scenes_folder: Path) -> None:
        data = module(scenes_folder, image_size=8)
        assert on_device(data, data.train_dataloader())[0]["image"].shape == (5, 3, 8, 8)

    def test_a_batch_larger_than_the_training_set_is_refused_by_name(self, scenes_folder: Path) -> None:
        assert len(module(scenes_folder, batch_size=27).train_dataloader()) == 1
        with pytest.raises(DataError, match=r"27 training images .* 28 x 1 process.*data\.batch_size"):
            module(scenes_folder, batch_size=28).train_dataloader()

    @pytest.mark.parametrize("option", [{"image_size": 7}, {"batch_size": 0}, {"eval_batch_size": 0}])
    def test_sizes_without_meaning_are_refused_by_name(self, scenes_folder: Path, option: dict[str, int]) -> None:
        (name, value), *_ = option.items()
        with pytest.raises(DataError, match=f"{name}={value}"):
            ICLEVR(str(scenes_folder), **option)  # type: ignore[arg-type]

    def test_the_array_file_is_kept_where_it_is_asked_for(self, scenes_folder: Path, tmp_path: Path) -> None:
        module(scenes_folder, cache_dir=str(tmp_path / "cache"))
        assert len(list((tmp_path / "cache").glob("*.npy"))) == 1


class TestClasses:
    def test_class_names_are_in_the_order_of_their_indices(self, data: ICLEVR) -> None:
        assert data.num_classes == 24
        assert data.class_names[:2] == ["gray cube", "red cube"]
        assert data.class_names[8] == "gray sphere" and data.class_names[23] == "yellow cylinder"


class TestPreview:
    @pytest.mark.parametrize("size", [4, 9, 32])
    def test_it_is_the_first_held_out_rows_and_no_others(self, data: ICLEVR, pixels: np.ndarray, size: int) -> None:
        batch = data.preview_batch(size)
        rows = data.val_rows[:size].numpy()
        assert len(rows) == min(size, 9)
        torch.testing.assert_close(batch["image"], as_float(pixels[rows]), rtol=0, atol=1e-6)
        assert isinstance(data.columns["condition"], Tensor)
        assert data.columns["condition"].dtype == torch.uint8 and batch["condition"].dtype == torch.float32
        torch.testing.assert_close(batch["condition"], data.columns["condition"][rows].float(), rtol=0, atol=0)

    def test_it_is_never_mirrored_and_the_same_each_time(self, scenes_folder: Path, data: ICLEVR) -> None:
        flipping = module(scenes_folder, flip=True)
        torch.testing.assert_close(flipping.preview_batch(), data.preview_batch(), rtol=0, atol=0)
        torch.testing.assert_close(flipping.preview_batch(), flipping.preview_batch(), rtol=0, atol=0)


class TestConditionLists:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A data folder and, beside it, the current folder."""
        root, here = tmp_path / "root", tmp_path / "here"
        root.mkdir()
        here.mkdir()
        (root / "objects.json").write_text('{"a": 0, "b": 1, "c": 2}')
        monkeypatch.chdir(here)
        return root

    def lists(self, root: Path, *files: str) -> dict[str, list[list[float]]]:
        data = ICLEVR(str(root), test_conditions=files)
        data.setup("test")
        batches = [list(loader) for loader in data.test_dataloader()]
        assert all(len(loader) == 1 for loader in batches)
        assert all(set(batch) == {"name", "condition"} for (batch,) in batches)
        return {batch["name"]: batch["condition"].tolist() for (batch,) in batches}

    def test_each_default_list_is_one_whole_batch_with_its_name(self, scenes_folder: Path) -> None:
        data = ICLEVR(str(scenes_folder), eval_batch_size=2)
        data.setup("test")
        batches = [batch for loader in data.predict_dataloader() for batch in loader]
        assert [batch["name"] for batch in batches] == ["test", "new_test"]
        assert [batch["condition"].shape for batch in batches] == [(32, 24), (32, 24)]
        # 6 + 2 * 12 + 3 * 14 and 2 * 12 + 3 * 20 objects
        assert [batch["condition"].sum().item() for batch in batches] == [72, 84]
        index = json.loads((scenes_folder / "objects.json").read_text())
        for batch in batches:
            names = json.loads((scenes_folder / f"{batch['name']}.json").read_text())
            rows = [sorted(index[name] for name in row) for row in names]
            assert [row.nonzero().flatten().tolist() for row in batch["condition"]] == rows

    def test_where_there_are_pictures_a_test_gets_the_held_out_ones_before_the_lists(self, scenes_folder: Path) -> None:
        data = ICLEVR(str(scenes_folder), eval_batch_size=2)
        data.setup("test")
        pictures, *lists = data.test_dataloader()
        batches = list(pictures)
        assert [len(batch["image"]) for batch in batches] == [2, 1]  # one scene of the 12
        assert torch.equal(torch.cat([batch["image"] for batch in batches]), take(data.columns, data.val_rows)["image"])
        assert [batch["name"] for loader in lists for batch in loader] == ["test", "new_test"]

    def test_test_lists_pass_the_transfer_hook_unchanged(self, scenes_folder: Path) -> None:
        data = ICLEVR(str(scenes_folder))
        data.setup("predict")
        ((batch,), _) = data.predict_dataloader()
        assert data.on_after_batch_transfer(batch, 0) is batch

    def test_a_test_needs_no_images(self, root: Path) -> None:
        (root / "mine.json").write_text('[["a"]]')
        data = ICLEVR(str(root), test_conditions=["mine.json"])
        data.setup("test")
        assert len(data.test_dataloader()) == 1

    def test_a_relative_path_is_looked_up_in_root(self, root: Path) -> None:
        (root / "mine.json").write_text('[["a"], ["b", "c"]]')
        assert self.lists(root, "mine.json") == {"mine": [[1, 0, 0], [0, 1, 1]]}

    def test_a_relative_path_in_the_current_folder_comes_first(self, root: Path) -> None:
        (root / "mine.json").write_text('[["a"]]')
        Path("mine.json").write_text('[["b"]]')
        assert self.lists(root, "mine.json") == {"mine": [[0, 1, 0]]}

    def test_an_absolute_path_is_taken_as_it_is(self, root: Path, tmp_path: Path) -> None:
        (root / "mine.json").write_text('[["a"]]')
        (tmp_path / "mine.json").write_text('[["c"]]')
        assert self.lists(root, str(tmp_path / "mine.json")) == {"mine": [[0, 0, 1]]}

    def test_two_lists_of_one_name_are_refused(self, root: Path) -> None:
        (root / "mine.json").write_text('[["a"]]')
        (root / "more").mkdir()
        (root / "more" / "mine.json").write_text('[["c"]]')
        with pytest.raises(DataError, match=r"two lists alike.*more/mine.json.*rename"):
            self.lists(root, "mine.json", "more/mine.json")

    def test_a_missing_list_is_named_with_the_root(self, root: Path) -> None:
        with pytest.raises(DataError, match=re.escape(str(root / "none.json"))):
            self.lists(root, "none.json")
