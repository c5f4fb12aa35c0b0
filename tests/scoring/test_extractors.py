"""Which extractor a name or a file stands for."""

import hashlib
from pathlib import Path

import pytest
import torch

from lit_gans.errors import InputError
from lit_gans.scoring.extractors import INCEPTION_KEY, load_extractor


def test_the_default_needs_no_file() -> None:
    assert load_extractor().name == load_extractor("random-conv-v1").name == "random-conv-v1"


def test_a_classifiers_file_gives_its_512_features_and_is_named_with_its_digest(evaluator_file: Path) -> None:
    extractor = load_extractor(str(evaluator_file))
    digest = hashlib.sha256(evaluator_file.read_bytes()).hexdigest()
    assert extractor.name == f"evaluator.pth ({digest[:12]})"
    assert extractor(torch.zeros(2, 3, 32, 32)).shape == (2, 512)


def test_an_unknown_name_is_refused_and_told_what_is_known() -> None:
    with pytest.raises(
        InputError, match=r"extractor 'inception': expected random-conv-v1, efficientnet_lite0, or the file"
    ):
        load_extractor("inception")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no network")
    with pytest.raises(InputError, match=r"notes.txt: not a readable torch file"):
        load_extractor(str(tmp_path / "notes.txt"))
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other.pth: has the keys weights"):
        load_extractor(str(tmp_path / "other.pth"))


def test_inception_weights_without_torch_fidelity_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torchmetrics.utilities.imports._TORCH_FIDELITY_AVAILABLE", False)
    torch.save({INCEPTION_KEY: torch.zeros(1)}, tmp_path / "inception.pth")
    with pytest.raises(InputError, match=r"inception.pth: Inception weights need torch-fidelity; install it"):
        load_extractor(str(tmp_path / "inception.pth"))


def test_inception_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch_fidelity")
    torch.save({INCEPTION_KEY: torch.zeros(1)}, tmp_path / "inception.pth")
    with pytest.raises(InputError, match=r"inception.pth: not the Inception weights of FID"):
        load_extractor(str(tmp_path / "inception.pth"))
