"""CIFAR-10 and MNIST in torchvision's files: which pictures and labels come out, and what is refused."""

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import MNIST

from data_modules.errors import DataError
from data_modules.torchvision_sets import TorchvisionSet


def module(root: Path, stage: str = "fit", **options: object) -> TorchvisionSet:
    data = TorchvisionSet(str(root), **({"batch_size": 4, "val_fraction": 0.25} | options))  # type: ignore[arg-type]
    data.prepare_data()
    data.setup(stage)
    return data


def stored(root: Path, name: str) -> tuple[np.ndarray, list[int]]:
    """(4, 3, 32, 32) and the labels, as CIFAR's own page describes the files."""
    content = pickle.loads((root / "cifar-10-batches-py" / name).read_bytes())
    return content["data"].reshape(4, 3, 32, 32), content["labels"]


class TestCIFAR10:
    def test_pictures_and_one_hot_labels_are_those_of_the_files(self, cifar10_folder: Path) -> None:
        data = module(cifar10_folder)
        images, conditions = data.columns["image"], data.conditions()
        assert conditions is not None and data.columns["classes"].shape == (24, 1)
        assert images.shape == (24, 3, 32, 32) and conditions.shape == (24, 10)
        names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
        for number, name in enumerate(names):
            pixels, labels = stored(cifar10_folder, name)
            np.testing.assert_array_equal(images[4 * number : 4 * number + 4], pixels)
            assert conditions[4 * number : 4 * number + 4].argmax(1).tolist() == labels
        assert data.class_names[:2] == ["airplane", "automobile"] and data.class_groups == {"class": list(range(10))}

    def test_a_quarter_of_the_training_pictures_and_none_of_the_tests_is_held_out(self, cifar10_folder: Path) -> None:
        data = module(cifar10_folder)
        assert sorted([*data.train_rows.tolist(), *data.val_rows.tolist()]) == list(range(20))
        assert len(data.val_rows) == 5

    def test_a_test_compares_with_the_sets_test_pictures_and_draws_each_class(self, cifar10_folder: Path) -> None:
        data = module(cifar10_folder, "test")
        (real,), (classes,) = (list(loader) for loader in data.test_dataloader())
        np.testing.assert_array_equal(real["image"], stored(cifar10_folder, "test_batch")[0])
        assert real["name"] == "held_out" and torch.equal(classes["condition"], torch.eye(10))

    def test_without_labels_it_compares_with_the_training_pictures(self, cifar10_folder: Path) -> None:
        data = module(cifar10_folder, "test", labels=False)
        ((real,),) = (list(loader) for loader in data.test_dataloader())
        assert set(real) == {"image", "name"} and real["name"] == "train" and len(real["image"]) == 15

    def test_another_size_is_resized_to(self, cifar10_folder: Path) -> None:
        data = module(cifar10_folder, image_size=16)
        pixels, _ = stored(cifar10_folder, "data_batch_1")
        assert data.columns["image"].shape == (24, 3, 16, 16)
        # antialiased: the mean of a noisy picture stays
        np.testing.assert_allclose(data.columns["image"][0].float().mean((1, 2)), pixels[0].mean((1, 2)), atol=6)


def test_grey_digits_become_grey_rgb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype=np.uint8)
    for part, count in (("train", 8), ("t10k", 4)):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 2051, count, 28, 28) + pixels[:count].tobytes()
        )
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + bytes(range(count)))
    data = module(tmp_path, name="mnist", image_size=28)
    assert data.columns["image"].shape == (12, 3, 28, 28)
    for channel in range(3):
        np.testing.assert_array_equal(data.columns["image"][:8, channel], pixels)
    assert data.columns["classes"][:8, 0].tolist() == list(range(8))
    assert len(MNIST.classes) == data.num_classes == 10
    grey = module(tmp_path, name="mnist", image_size=28, channels=1)
    np.testing.assert_array_equal(grey.columns["image"][:8, 0], pixels)


class TestRefused:
    def test_missing_files_are_named_with_the_option_that_downloads_them(self, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match=r"cifar-10-batches-py: the files of cifar10 are missing.*data\.download true"
        ):
            module(tmp_path)

    def test_a_changed_file_is_refused(self, cifar10_folder: Path, tmp_path: Path) -> None:
        files = tmp_path / "cifar-10-batches-py"
        files.mkdir()
        for file in (cifar10_folder / "cifar-10-batches-py").iterdir():
            content = file.read_bytes()
            (files / file.name).write_bytes(content[::-1] if file.name == "data_batch_3" else content)
        with pytest.raises(DataError, match="missing or damaged"):
            module(tmp_path)

    def test_another_set_is_refused_with_those_there_are(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"data\.name is 'imagenet'; expected one of cifar10, mnist"):
            module(tmp_path, name="imagenet")
