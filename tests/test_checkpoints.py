"""Torch files from anywhere: read whole, or refused with a message, and never loaded wrongly or run."""

import io
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from strangers import Harmful

from lit_gans.checkpoints import check_finite, read_torch_file, tensors_of
from lit_gans.errors import InputError

CONTENT = {"state_dict": {"a.weight": torch.arange(600.0).view(20, 30), "b": torch.ones(3)}, "step": 3, "name": "x"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(CONTENT, tmp_path / "file.ckpt")
    return tmp_path / "file.ckpt"


def refused(file: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_torch_file(file, "checkpoint")
    assert str(caught.value).startswith(f"checkpoint {file}: ")


def is_content(found: Any) -> bool:
    mine, theirs = dict(tensors_of(CONTENT)), dict(tensors_of(found))
    same = mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    return same and (found["step"], found["name"]) == (3, "x")


def test_a_file_as_it_was_written_is_read(file: Path) -> None:
    assert is_content(read_torch_file(file, "checkpoint"))


def test_a_file_of_an_old_pytorch_has_no_checksum_and_is_read(tmp_path: Path) -> None:
    torch.save(CONTENT, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert is_content(read_torch_file(tmp_path / "old.pth", "checkpoint"))


def test_a_changed_byte_is_refused_or_changes_nothing(file: Path) -> None:
    """Every 7th byte: of the weights, the pickle, the names and the archive's own entries."""
    whole = file.read_bytes()
    outcomes = {"refused": 0, "as it was": 0}
    for place in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[place] ^= 1 << random.Random(place).randrange(8)
        file.write_bytes(changed)
        try:
            found = read_torch_file(file, "checkpoint")
        except InputError as error:
            assert str(error).startswith(f"checkpoint {file}: ")
            outcomes["refused"] += 1
        else:
            assert is_content(found), f"byte {place} was changed, and other values were read"
            outcomes["as it was"] += 1
    assert outcomes["refused"] > 2400 / 7  # at least all bytes of the weights


def test_a_changed_weight_names_the_remedy(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    place = whole.index(CONTENT["state_dict"]["a.weight"].numpy().tobytes())  # type: ignore[index]
    whole[place + 2] ^= 16
    file.write_bytes(whole)
    assert torch.load(file, weights_only=True)["state_dict"]["a.weight"].shape == (20, 30)  # torch does not notice
    refused(file, "cut or changed after it was written .*; take another copy")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(file: Path, share: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    refused(file, "not a readable torch file")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    file, mark = tmp_path / "file.ckpt", tmp_path / "mark"
    torch.save({"state_dict": Harmful(mark)}, file, _use_new_zipfile_serialization=zipped)
    refused(file, r"holds \S*\.mkdir, .*nothing of it was run")
    assert not mark.exists()


def test_a_tensor_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    """10^9 elements out of one stored value."""
    torch.save({"state_dict": {"w": torch.ones(1).expand(10**9)}}, tmp_path / "file.ckpt")
    refused(tmp_path / "file.ckpt", "state_dict.w claims 1,000,000,000 elements, more than a file of")


def test_a_storage_that_claims_more_than_its_part_of_the_archive_is_refused(tmp_path: Path) -> None:
    """The pickle says 10^9 values and the archive has three."""
    buffer = io.BytesIO()
    torch.save({"state_dict": {"w": torch.ones(3)}}, buffer)
    with zipfile.ZipFile(buffer) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    (name,) = (name for name in parts if name.endswith("data.pkl"))
    # K\x03 is the number 3, of values in the storage and in the shape
    many = pickle.dumps(10**9, protocol=2)[2:-1]
    parts[name] = parts[name].replace(b"K\x03", many)
    file = tmp_path / "file.ckpt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    refused(file, "1,000,000,000 elements|not a readable torch file")


def test_a_compressed_archive_is_refused(file: Path, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
    refused(bomb, "not a readable torch file")


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    refused(tmp_path, "is a folder")


def test_weights_that_are_not_finite_are_named_and_other_values_do_not_count() -> None:
    check_finite({"state_dict": {"a": torch.ones(2)}, "callbacks": {"best": torch.tensor(torch.inf)}}, "checkpoint x")
    content = {
        "state_dict": {"a": torch.ones(2), "b": torch.tensor([1.0, torch.nan])},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.tensor(torch.inf)}}}],
    }
    with pytest.raises(InputError, match=r"checkpoint x: NaN or infinite values in b, optimizer_states\[0\].state.0"):
        check_finite(content, "checkpoint x")
