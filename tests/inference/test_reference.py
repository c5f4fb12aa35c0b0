"""Generator files of CycleGAN's reference implementation: every way they were saved in, strictly."""

import json
import os
from collections import OrderedDict
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import torch
from rounding import assert_same_but_for_rounding
from torch import Tensor, nn

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


@pytest.mark.parametrize(
    "options",
    [
        {"blocks": 0},
        {"width": 7},
        {"upsample": "resize"},
        {"residual": True},
        {"masked": True},
        {"generator_norm": "none"},
    ],
    ids=str,
)
def test_the_options_are_read_off_the_weights(tmp_path: Path, options: dict[str, Any]) -> None:
    generator = small(**options)
    torch.save(generator.state_dict(), tmp_path / "file.pth")
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(load_generator(tmp_path / "file.pth")(image), generator(image))


class OtherBlock(nn.Module):
    """A block as other code writes it: under another name, with weights in its norms, or with dropout."""

    def __init__(self, width: int, name: str, affine: bool, dropout: bool) -> None:
        super().__init__()
        layers = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width, affine=affine), nn.ReLU()]
        layers += [nn.Dropout(0.5)] if dropout else []
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width, affine=affine)]
        self.name = name
        setattr(self, name, nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        return x + getattr(self, self.name)(x)


class OtherGenerator(nn.Module):
    """The network in plain torch, 2 blocks, width 4, with random weights everywhere."""

    def __init__(self, name: str, affine: bool = False, dropout: bool = False) -> None:
        super().__init__()

        def normed(width: int) -> tuple[nn.Module, nn.Module]:
            return nn.InstanceNorm2d(width, affine=affine), nn.ReLU()

        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), *normed(4)]
        layers += [nn.Conv2d(4, 8, 3, 2, 1), *normed(8), nn.Conv2d(8, 16, 3, 2, 1), *normed(16)]
        layers += [OtherBlock(16, name, affine, dropout) for _ in range(2)]
        layers += [nn.ConvTranspose2d(16, 8, 3, 2, 1, output_padding=1), *normed(8)]
        layers += [nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1), *normed(4)]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(4, 3, 7), nn.Tanh())
        with torch.no_grad():
            for weight in self.parameters():
                weight += 0.3 * torch.randn_like(weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


@pytest.mark.parametrize(
    "options",
    [{"name": "block", "affine": True}, {"name": "conv_block", "dropout": True}, {"name": "layers"}],
    ids=str,
)
def test_generators_of_other_code_make_the_same_pictures(tmp_path: Path, options: dict[str, Any]) -> None:
    other = OtherGenerator(**options).eval()
    torch.save(other.state_dict(), tmp_path / "G_A2B.pth")
    image = torch.rand(2, 3, 24, 20) * 2 - 1
    assert_same_but_for_rounding(load_generator(tmp_path / "G_A2B.pth")(image), other(image), [other])


@pytest.mark.real_data
@pytest.mark.skipif("LIT_GANS_DATA" not in os.environ, reason="LIT_GANS_DATA is not set")
def test_the_generator_of_vintagify_makes_the_pictures_of_its_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the wheel vintagify 0.1.2, unpacked as vintagify/ in LIT_GANS_DATA."""
    folder = Path(os.environ["LIT_GANS_DATA"]) / "vintagify"
    file = folder / "resources" / "G_A2B_epoch33.pth"
    if not file.is_file():
        pytest.skip("no vintagify in LIT_GANS_DATA")
    spec = spec_from_file_location("vintagify_generator", folder / "generator.py")
    assert spec is not None and spec.loader is not None
    theirs = module_from_spec(spec)
    spec.loader.exec_module(theirs)
    network = theirs.ResnetGenerator().eval()
    network.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"))
    loaded = load_generator(file)
    assert sum(weight.numel() for weight in loaded.parameters()) == 11_388_675
    image = torch.rand(1, 3, 128, 96) * 2 - 1
    with torch.no_grad():
        assert_same_but_for_rounding(loaded(image), network(image), [network])


def refused(path: Path, content: Any, *parts: str) -> None:
    torch.save(content, path)
    with pytest.raises(InputError) as caught:
        load_generator(path)
    message = str(caught.value)
    assert message.startswith(f"generator {path}: ") and "\n" not in message
    for part in parts:
        assert part in message


def test_other_files_are_refused_with_what_they_hold(tmp_path: Path) -> None:
    file, expected = tmp_path / "file.pth", "expected the state dict of a ResNet generator"
    refused(file, [1], expected, "holds a list")
    refused(file, {}, expected, "it is empty")
    refused(file, {"a": 1, "epoch": 3}, expected, "it holds a, epoch, no tensors")
    refused(file, {"weight": torch.zeros(2)}, expected, "first convolution model.1.weight; weights are called weight")
    refused(file, PatchDiscriminator(2).state_dict(), expected, "model.0.weight, model.0.bias")


def test_a_missing_weight_is_named(tmp_path: Path) -> None:
    state = dict(small().state_dict())
    del state["model.11.conv_block.5.bias"]
    refused(tmp_path / "file.pth", state, "model.11.conv_block.5.bias")


def test_a_generator_with_batch_norm_is_refused(tmp_path: Path) -> None:
    """Its statistics look like the old instance norm's, but its scale and shift do not."""
    state = with_old_statistics(small().state_dict())
    state["model.2.weight"] = state["model.2.bias"] = torch.ones(4)
    refused(tmp_path / "file.pth", state, "model.2.weight beside model.2.running_mean is batch norm")


def test_a_generator_whose_norms_have_weights_in_part_is_refused(tmp_path: Path) -> None:
    state = dict(OtherGenerator("block", affine=True).state_dict())
    del state["model.5.weight"]
    refused(tmp_path / "file.pth", state, "model.5.weight")


def test_a_generator_of_grey_pictures_to_coloured_ones_is_refused(tmp_path: Path) -> None:
    state = dict(small().state_dict())
    state["model.1.weight"] = state["model.1.weight"][:, :1]
    refused(tmp_path / "file.pth", state, "size mismatch", "torch.Size([3])")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"generator .*none\.pth: no such file"):
        load_generator(tmp_path / "none.pth")
