"""Which extractor a name or a file stands for."""

import hashlib
import sys
from pathlib import Path
from urllib.error import URLError

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
        InputError, match=r"extractor 'incepton': expected random-conv-v1, efficientnet_lite0, inception, dinov2, or"
    ):
        load_extractor("incepton")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no network")
    with pytest.raises(InputError, match=r"notes.txt: not a readable torch file"):
        load_extractor(str(tmp_path / "notes.txt"))
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other.pth: has the keys weights"):
        load_extractor(str(tmp_path / "other.pth"))


@pytest.mark.parametrize("name", ["inception", "dinov2", "FILE"])
def test_extractors_of_the_literature_say_what_to_install(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("", ".feature_extractor_inceptionv3", ".feature_extractor_dinov2"):
        monkeypatch.setitem(sys.modules, f"torch_fidelity{module}", None)
    torch.save({INCEPTION_KEY: torch.zeros(1)}, tmp_path / "inception.pth")
    with pytest.raises(InputError, match=r"needs torch-fidelity; pip install 'lit_gans\[fid\]'"):
        load_extractor(str(tmp_path / "inception.pth") if name == "FILE" else name)


def test_inception_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch_fidelity")
    torch.save({INCEPTION_KEY: torch.zeros(1)}, tmp_path / "inception.pth")
    with pytest.raises(InputError, match=r"inception.pth: not the Inception weights of FID"):
        load_extractor(str(tmp_path / "inception.pth"))


@pytest.fixture(scope="module")
def inception_state() -> dict[str, torch.Tensor]:
    """Random weights in the layout of FID's."""
    module = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_, **__: None)
        network = module.FeatureExtractorInceptionV3("inception-v3-compat", ["2048"])
    return {name: weight.clone() for name, weight in network.state_dict().items()}


def test_inception_is_read_from_torchs_cache_and_gives_the_pooled_features(
    inception_state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / URL_INCEPTION_V3.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    torch.save(inception_state, file)
    extractor = load_extractor("inception")
    assert extractor.num_features == 2048 and extractor.resizer == "bilinear to 299x299"
    assert extractor.name.startswith(file.name) and hashlib.sha256(file.read_bytes()).hexdigest()[:12] in extractor.name
    images = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    pixels = ((images + 1) * 127.5).round().to(torch.uint8).expand(-1, 3, -1, -1)
    own = FeatureExtractorInceptionV3("own", ["2048"], feature_extractor_weights_path=str(file)).eval()
    with torch.no_grad():
        (expected,) = own(pixels)
    assert torch.equal(extractor(images), expected) and expected.shape == (2, 2048)


def test_inception_without_file_and_network_asks_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch_fidelity")

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    told = r"extractor inception: its weights are not in .*6726825d\.pth and cannot be fetched .*route.*extractor FILE"
    with pytest.raises(InputError, match=told):
        load_extractor("inception")


def test_dinov2_is_that_of_torch_hub_or_says_what_to_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch_fidelity")
    asked: list[str] = []

    def found(repository: str, name: str, **_: object) -> torch.nn.Module:
        asked.append(name)
        return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 1024))

    monkeypatch.setattr(torch.hub, "load", found)
    extractor = load_extractor("dinov2")
    assert asked == ["dinov2_vitl14"] and extractor(torch.zeros(2, 3, 16, 16)).shape == (2, 1024)

    def unreachable(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "load", unreachable)
    with pytest.raises(InputError, match=r"extractor dinov2: it is not in .* and cannot be fetched .*no route.*; copy"):
        load_extractor("dinov2")
