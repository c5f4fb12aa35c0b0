"""Generator files of CycleGAN's reference implementation: every way they were saved in, strictly."""

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.inference.reference import load_generator
from lit_gans.networks.cyclegan import PatchDiscriminator, ResnetGenerator

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cyclegan.json").read_text())
State = dict[str, Tensor]


def small(**options: Any) -> ResnetGenerator:
    return ResnetGenerator(**({"width": 4, "blocks": 2} | options))


def with_old_statistics(state: State) -> State:
    """As instance norms before PyTorch 0.4 were saved: one place behind each convolution."""
    old: State = OrderedDict()
    for name, weight in state.items():
        old[name] = weight
        parts = name.split(".")
        if parts[-1] == "bias" and name != list(state)[-1]:
            norm = ".".join([*parts[:-2], str(int(parts[-2]) + 1)])
            old[f"{norm}.running_mean"] = torch.zeros(len(weight))
            old[f"{norm}.running_var"] = torch.ones(len(weight))
            old[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    return old


def from_data_parallel(state: State) -> State:
    return {f"module.{name}": weight for name, weight in state.items()}


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("legacy_file", [False, True])
def test_a_file_loads_however_it_was_saved(tmp_path: Path, parallel: bool, old: bool, legacy_file: bool) -> None:
    generator = small()
    state: State = generator.state_dict()
    state = with_old_statistics(state) if old else state
    state = from_data_parallel(state) if parallel else state
    assert any("running_mean" in name for name in state) == old
    torch.save(state, tmp_path / "latest_net_G_A.pth", _use_new_zipfile_serialization=not legacy_file)
    loaded = load_generator(tmp_path / "latest_net_G_A.pth")
    assert not loaded.training
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(loaded(image), generator(image))


@pytest.mark.parametrize("name", ["resnet_9blocks", "resnet_6blocks"])
def test_the_published_layouts_load_name_by_name(tmp_path: Path, name: str) -> None:
    state = {key: torch.randn(shape) * 0.02 for key, shape in GOLDEN[name].items()}
    torch.save(state, tmp_path / "file.pth")
    loaded = load_generator(tmp_path / "file.pth").state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


@pytest.mark.parametrize("options", [{"blocks": 0}, {"width": 7}, {"upsample": "resize"}, {"residual": True}], ids=str)
def test_the_options_are_read_off_the_weights(tmp_path: Path, options: dict[str, Any]) -> None:
    generator = small(**options)
    torch.save(generator.state_dict(), tmp_path / "file.pth")
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(load_generator(tmp_path / "file.pth")(image), generator(image))


def refused(path: Path, content: Any, *parts: str) -> None:
    torch.save(content, path)
    with pytest.raises(InputError) as caught:
        load_generator(path)
    message = str(caught.value)
    assert message.startswith(f"generator {path}: ") and "\n" not in message
    for part in parts:
        assert part in message


def test_other_files_are_refused(tmp_path: Path) -> None:
    for content in ([1], {}, {"a": 1}, {"weight": torch.zeros(2)}, PatchDiscriminator(2).state_dict()):
        refused(tmp_path / "file.pth", content, "expected the state dict of a ResNet generator")


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    state = dict(small().state_dict())
    del state["model.11.conv_block.5.bias"]
    refused(tmp_path / "file.pth", state, "model.11.conv_block.5.bias")


def test_a_generator_with_batch_norm_is_refused(tmp_path: Path) -> None:
    """Its statistics look like the old instance norm's, but its scale and shift do not."""
    state = with_old_statistics(small().state_dict())
    state["model.2.weight"] = state["model.2.bias"] = torch.ones(4)
    refused(tmp_path / "file.pth", state, "instance norm", "model.2.weight")


def test_a_generator_of_grey_pictures_to_coloured_ones_is_refused(tmp_path: Path) -> None:
    state = dict(small().state_dict())
    state["model.1.weight"] = state["model.1.weight"][:, :1]
    refused(tmp_path / "file.pth", state, "size mismatch", "torch.Size([3])")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"generator .*none\.pth: no such file"):
        load_generator(tmp_path / "none.pth")
