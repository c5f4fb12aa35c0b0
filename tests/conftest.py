"""What several rooms' tests share: a rendered data set, a scoring classifier, one thread."""

import hashlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10

from data_modules.rendered import animals
from data_modules.rendered.faces import write_dataset as write_faces
from data_modules.rendered.scenes import write_dataset
from lit_gans.commands.trainer import put_back_loaders
from lit_gans.networks.evaluator import EvaluatorNetwork

# The same examples in every run, however long one takes on a slow machine.
hypothesis.settings.register_profile("tests", derandomize=True, deadline=None, max_examples=25, database=None)
hypothesis.settings.load_profile("tests")

# Whoever runs the tests may have an account at Weights & Biases; what the tests train is not for it.
os.environ["WANDB_MODE"] = "disabled"

SCENES = 12
SCENE_SIZE = 16


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks are faster on one thread, and their sums do not depend on the machine's cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def forked_processes_can_train() -> None:
    """Where torch traces a graph without a GPU, it installs a guard for one; the next backward pass then starts threads
    for it, and no process that is forked later can train. Nothing here traces for a GPU that is not there."""
    if not torch.cuda.is_available():
        torch._C._ensureCUDADeviceGuardSet = lambda: None  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What a test draws does not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def loaders_put_back() -> Iterator[None]:
    """A test whose data raise an error inside a Trainer of its own leaves the next test torch's loaders as they are."""
    yield
    put_back_loaders()


@pytest.fixture(scope="session")
def scenes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rendered iCLEVR folder: 12 scenes (36 images) of 16x16 px, with both condition lists. Write nothing into it."""
    folder = tmp_path_factory.mktemp("rendered") / "scenes"
    write_dataset(folder, SCENES, size=SCENE_SIZE, workers=1, progress=False)
    return folder


@pytest.fixture(scope="session")
def animals_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered animals in the horse2zebra layout: 6 training and 3 test pictures of either coat, 24x24 px. Write
    nothing into it."""
    folder = tmp_path_factory.mktemp("rendered") / "animals"
    animals.write_dataset(folder, train=6, test=3, size=24, progress=False)
    return folder


@pytest.fixture(scope="session")
def celeba_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 rendered faces of 16x16 px with 8 attributes, in the layout of CelebA. Write nothing into it."""
    folder = tmp_path_factory.mktemp("rendered_faces") / "faces"
    write_faces(folder, 24, size=16, progress=False)
    return folder


@pytest.fixture(scope="session")
def pictures_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 pictures of several sizes and formats in two class folders. Write nothing into it."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        name, colour = (("cats", (200, 60, 10 * number)), ("dogs", (20, 10 * number, 200)))[number % 2]
        (folder / name).mkdir(exist_ok=True)
        size = (16 + number, 20) if number % 3 else (24, 24)
        Image.new("RGB", size, colour).save(folder / name / f"Picture {number}.{('png', 'JPG', 'webp')[number % 3]}")
    return folder


@pytest.fixture(scope="session")
def cifar10_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """CIFAR-10's files, of 4 pictures a batch: 20 for training and 4 for the test, whose checksums torchvision is told.
    Write nothing into it."""
    folder = tmp_path_factory.mktemp("cifar10")
    files = folder / "cifar-10-batches-py"
    files.mkdir()
    random = np.random.default_rng(0)
    sums = {}
    for number, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        pixels = random.integers(0, 256, (4, 3 * 32 * 32), dtype=np.uint8)
        content = pickle.dumps({"data": pixels, "labels": [(4 * number + i) % 10 for i in range(4)]})
        (files / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    meta = pickle.dumps({"label_names": names})
    (files / "batches.meta").write_bytes(meta)
    with pytest.MonkeyPatch.context() as patch:
        train = [[name, sum_] for name, sum_ in sums.items() if name != "test_batch"]
        patch.setattr(CIFAR10, "train_list", train)
        patch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
        patch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": hashlib.md5(meta).hexdigest()})
        yield folder


@pytest.fixture(scope="session")
def evaluator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of 24 classes in the course's layout, with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EvaluatorNetwork(24)
    file = tmp_path_factory.mktemp("evaluator") / "evaluator.pth"
    torch.save({"model": network.state_dict()}, file)
    return file


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 pictures of 16x16 px in the anime layout, each half in the colour of its hair, half in that of its eyes, with
    both tag files and 3 testing tags. Write nothing into it."""
    folder = tmp_path_factory.mktemp("anime")
    (folder / "faces").mkdir()
    random = np.random.default_rng(0)
    colours = {"red": (200, 30, 30), "blue": (30, 30, 200), "green": (30, 160, 30)}
    rows = []
    for identity in range(24):
        hair, eyes = (list(colours)[i] for i in random.integers(0, 3, 2))
        pixels = random.integers(0, 40, (16, 16, 3)) + np.repeat([colours[hair], colours[eyes]], 8, axis=0)[:, None]
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "faces" / f"{identity}.png")
        rows.append((identity, hair, eyes))
    (folder / "tags.csv").write_text("".join(f"{i},{hair} hair {eyes} eyes\n" for i, hair, eyes in rows))
    (folder / "tags_clean.csv").write_text("".join(f"{i},{hair} long hair and {eyes} eyes\n" for i, hair, eyes in rows))
    (folder / "testing_tags.txt").write_text("1,blue hair red eyes\n2,blue hair red eyes\n3,green hair blue eyes\n")
    return folder
