"""`lit-gans data check` says ok exactly for the folders that a run accepts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from data_modules import anime_check, iclevr_check
from data_modules.anime_faces import AnimeFaces
from data_modules.base import ImageDataModule
from data_modules.celeba import CelebA
from data_modules.check import check
from data_modules.errors import DataError
from data_modules.iclevr import ICLEVR
from data_modules.image_folder import ImageFolder
from data_modules.unpaired import Unpaired

Break = Callable[[Path], object]


def images(root: Path) -> Path:
    """The folder of the pictures."""
    found = next(path for path in sorted(root.rglob("*")) if path.suffix.lower() in (".png", ".jpg"))
    return found.parent


def first(root: Path) -> Path:
    return next(path for path in sorted(images(root).iterdir()) if path.suffix.lower() in (".png", ".jpg"))


def rewrite(name: str, change: Callable[[str], str]) -> Break:
    return lambda root: (root / name).write_text(change((root / name).read_text()))


ANYWHERE: dict[str, Break] = {
    "whole": lambda root: None,
    "a picture of 0 bytes": lambda root: first(root).write_bytes(b""),
    "a cut picture": lambda root: first(root).write_bytes(first(root).read_bytes()[:60]),
    "a text with a picture's name": lambda root: first(root).write_text("no picture"),
    "a hidden file of macOS": lambda root: (images(root) / "._1.png").write_bytes(b"x"),
    "a folder with a picture's name": lambda root: (images(root) / "folder.png").mkdir(),
    "a format that is not read": lambda root: (images(root) / "x.heic").write_bytes(b"x"),
    "no pictures": lambda root: shutil.rmtree(images(root)),
    "no folder": shutil.rmtree,
    "two pictures with the same id": lambda root: Image.new("RGB", (8, 8)).save(first(root).with_suffix(".bmp")),
}
ICLEVR_FOLDER: dict[str, Break] = {
    "a single scene": rewrite(
        "train.json", lambda text: json.dumps({k: v for k, v in json.loads(text).items() if "_000003_" in k})
    ),
    "a listed picture is missing": lambda root: first(root).unlink(),
    "an unknown object": rewrite("train.json", lambda text: text.replace("red cube", "red cub")),
    "an unknown object in a list": rewrite("test.json", lambda text: text.replace('cube"', 'cub"')),
    "no list": lambda root: (root / "new_test.json").unlink(),
    "no objects": lambda root: (root / "objects.json").unlink(),
    "a byte order mark": rewrite("train.json", lambda text: "\ufeff" + text),
    "deep JSON": lambda root: (root / "test.json").write_text("[" * 5000),
    "a faulty place": rewrite("places.json", lambda text: "[]"),
}
ANIME_FOLDER: dict[str, Break] = {
    "no tags": lambda root: [(root / name).unlink() for name in ("tags.csv", "tags_clean.csv", "testing_tags.txt")],
    "a tag file without tags": lambda root: (root / "tags.csv").write_text("1,\n"),
    "a tag file of another set": lambda root: (root / "tags.csv").write_text("777,blue hair red eyes\n"),
    "no testing tags": lambda root: (root / "testing_tags.txt").unlink(),
    "a wrong testing tag": lambda root: (root / "testing_tags.txt").write_text("1,blue hair violet eyes\n"),
    "a single picture": lambda root: [path.unlink() for path in sorted(images(root).iterdir())[1:]],
}
CELEBA_FOLDER: dict[str, Break] = {
    "a listed picture is missing": lambda root: first(root).unlink(),
    "a wrong value": rewrite("list_attr_celeba.txt", lambda text: text.replace(" -1", " 7", 1)),
    "a wrong count": rewrite("list_attr_celeba.txt", lambda text: "9" + text),
    "a count of 5000 digits": rewrite("list_attr_celeba.txt", lambda text: "9" * 5000 + text),
    "no attribute file": lambda root: (root / "list_attr_celeba.txt").unlink(),
}
FOLDER: dict[str, Break] = {
    "a metadata file of other pictures": lambda root: (root / "metadata.csv").write_text("file_name,l\nno.png,1\n"),
    "an empty metadata file": lambda root: (root / "metadata.csv").write_text(""),
    "an empty part": lambda root: [(root / name).mkdir() for name in ("train", "test")],
    "a single picture": lambda root: [
        path.unlink() for path in [p for p in sorted(root.rglob("*")) if p.is_file()][1:]
    ],
}
UNPAIRED_FOLDER: dict[str, Break] = {
    "no test folder": lambda root: shutil.rmtree(root / "testB"),
    "an empty folder": lambda root: [path.unlink() for path in (root / "trainB").iterdir()],
}


def accepted(runs: list[ImageDataModule]) -> bool:
    """Whether fit and test of each of these get as far as their first batch."""
    try:
        for module in runs:
            module.prepare_data()
            for stage in ("fit", "test"):
                module.setup(stage)
                loaders = module.test_dataloader() if stage == "test" else module.train_dataloader()
                for loader in loaders if isinstance(loaders, list) else [loaders]:
                    next(iter(loader))
    except DataError:
        return False
    return True


SMALL: dict[str, Any] = {"image_size": 16, "batch_size": 1, "workers": 1}


@pytest.mark.parametrize("fault", [*ANYWHERE, *ICLEVR_FOLDER])
def test_iclevr(fault: str, scenes_folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(scenes_folder, tmp_path / "data")
    (ANYWHERE | ICLEVR_FOLDER)[fault](root)
    ok = iclevr_check.check(root).ok
    if fault == "a faulty place":  # needed by data.places alone
        assert not ok and not accepted([ICLEVR(str(root), places=True, **SMALL)])
    else:
        assert ok == accepted([ICLEVR(str(root), **SMALL)])


@pytest.mark.parametrize("fault", [*ANYWHERE, *ANIME_FOLDER])
def test_anime(fault: str, faces_folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(faces_folder, tmp_path / "data")
    (ANYWHERE | ANIME_FOLDER)[fault](root)
    tag_files = [name for name in anime_check.TAG_FILES if (root / name).exists()]
    runs: list[ImageDataModule] = [AnimeFaces(str(root), tags=tags, **SMALL) for tags in (None, *tag_files)]
    assert anime_check.check(root).ok == accepted(runs)


@pytest.mark.parametrize("fault", [*ANYWHERE, *CELEBA_FOLDER])
def test_celeba(fault: str, celeba_folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(celeba_folder, tmp_path / "data")
    (ANYWHERE | CELEBA_FOLDER)[fault](root)
    assert check("celeba", root).ok == accepted([CelebA(str(root), **SMALL)])


@pytest.mark.parametrize("fault", [*ANYWHERE, *FOLDER])
def test_folder(fault: str, pictures_folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(pictures_folder, tmp_path / "data")
    (ANYWHERE | FOLDER)[fault](root)
    runs: list[ImageDataModule] = [ImageFolder(str(root), **SMALL)]
    assert check("folder", root).ok == accepted(runs)


@pytest.mark.parametrize("fault", [*ANYWHERE, *UNPAIRED_FOLDER])
def test_unpaired(fault: str, animals_folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(animals_folder, tmp_path / "data")
    (ANYWHERE | UNPAIRED_FOLDER)[fault](root)
    assert check("unpaired", root).ok == accepted([Unpaired(str(root), **SMALL)])


@pytest.mark.parametrize(
    ("kind", "fixture"), [("celeba", "celeba_folder"), ("folder", "pictures_folder"), ("unpaired", "animals_folder")]
)
def test_a_whole_folder_is_ok_and_counted(kind: str, fixture: str, request: pytest.FixtureRequest) -> None:
    report = check(kind, request.getfixturevalue(fixture))
    assert report.ok and str(report).endswith("\nok")
    assert report.present == sum(report.sizes.values()) == {"celeba": 24, "folder": 12, "unpaired": 18}[kind]


def test_all_that_cannot_be_read_is_listed_and_what_is_left_out_is_told(pictures_folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(pictures_folder, tmp_path / "data")
    (root / "cats" / "bad.png").write_bytes(b"")
    (root / "cats" / "worse.jpg").write_bytes(b"x")
    (root / "cats" / "photo.heic").write_bytes(b"x")
    text = str(check("folder", root))
    assert "unreadable images: 2" in text and "bad.png: empty file (0 bytes)" in text and "worse.jpg" in text
    assert "left out formats that are not read (save them as PNG or JPEG): 1 (cats/photo.heic)" in text
    assert text.endswith("NOT OK")


def test_the_folder_of_pictures_has_no_option_where_the_layout_names_it(animals_folder: Path) -> None:
    assert "--images is not for this layout" in check("unpaired", animals_folder, "x").errors[0]
