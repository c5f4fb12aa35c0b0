"""Whatever stands in a checkpoint's entries, `load` gives the model or one error that names the file."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from fuzzing import SETTINGS, for_a_while
from hypothesis import given
from hypothesis import strategies as st

import lit_gans
from lit_gans.errors import InputError
from lit_gans.inference.checkpoint import check_belongs
from lit_gans.models.cdcgan import CDCGAN

Made = tuple[CDCGAN, dict[str, Any], Path]
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS | st.sampled_from([torch.zeros(2), torch.tensor(3), torch.ones(1, dtype=torch.int64)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
PARTS = ("lit_gans", "hyper_parameters", "state_dict")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A tiny model, the content of its checkpoint, and where changed ones are written."""
    torch.manual_seed(0)
    model = CDCGAN(num_classes=4, class_names=list("abcd"), image_size=8, width=2, latent_dim=3, condition_dim=2)
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)
    trainer.strategy.connect(model)
    file = tmp_path_factory.mktemp("fuzzed") / "file.ckpt"
    trainer.save_checkpoint(file, weights_only=True)
    return model, torch.load(file, weights_only=True), file


@for_a_while
def test_any_entries_are_loaded_or_refused_by_file(made: Made) -> None:
    entries_are_loaded_or_refused(made)


@SETTINGS
@given(data=st.data())
def entries_are_loaded_or_refused(made: Made, data: st.DataObject) -> None:
    model, whole, file = made
    content = copy.deepcopy(whole)
    part = data.draw(st.sampled_from(PARTS))
    if data.draw(st.integers(0, 3)) == 0:
        content[part] = data.draw(VALUES)
    else:
        key = data.draw(st.sampled_from(sorted(content[part])) | st.text(max_size=5))
        content[part][key] = data.draw(VALUES)
    torch.save(content, file)
    for use in uses(content, model, file):
        try:
            use()
        except InputError as error:
            assert str(file) in str(error)
            str(error).encode()  # can be printed


def uses(content: dict[str, Any], model: CDCGAN, file: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    return (lambda: lit_gans.load(file)), (lambda: check_belongs(content, model, str(file)))
