"""Generator files of other code: of the authors of CycleGAN (`latest_net_G_A.pth` and the like), and of those who wrote
the same network under other names, with weights in its norms, or with dropout in its blocks."""

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from lit_gans.checkpoints import one_line, read_torch_file
from lit_gans.errors import InputError, few
from lit_gans.networks.cyclegan import GeneratorNorm, ResnetGenerator, Upsampling

EXPECTED = "expected the state dict of a ResNet generator with instance norm, laid out as CycleGAN's authors do"
# Instance norms of PyTorch before 0.4 kept statistics that nothing used.
OLD_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
# A layer of a block: the block's number, a name for its layers, the layer's number, weight or bias.
OF_A_BLOCK = re.compile(r"model\.(\d+)\.\w+\.(\d+)\.(weight|bias)")
# Numbers of the layers of a block that have weights, by how many there are: convolutions, and norms with weights.
NUMBERS = {2: (1, 5), 4: (1, 2, 5, 6)}


def load_generator(path: str | Path) -> ResnetGenerator:
    """The generator of a file that holds nothing but its state dict, in eval mode.

    Width, blocks and kind of upsampling are read off the shapes, `residual`, `masked` and the norm off the names.
    A generator of this package is written to such a file by `torch.save(model.generator_a2b.state_dict(), path)`.

    Raises:
        InputError: missing file, another kind of file, or weights that do not fit exactly; says what differs.
    """
    path = Path(path).expanduser()
    state = generator_state(read_torch_file(path, "generator"), f"generator {path}")
    generator = ResnetGenerator(**options_of(state))
    try:
        generator.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise InputError(f"generator {path}: {EXPECTED}; {one_line(error)}") from None
    return generator.eval()


def generator_state(content: Any, source: str) -> dict[str, Tensor]:
    """The state dict under our names, whether it was saved from a DataParallel or an old PyTorch.

    Raises:
        InputError: the content is something else.
    """
    if not isinstance(content, dict):
        raise InputError(f"{source}: {EXPECTED}; it holds a {type(content).__name__}")
    if others := [name for name, value in content.items() if not isinstance(value, Tensor)]:
        raise InputError(f"{source}: {EXPECTED}; it holds {few([str(name) for name in others], 5)}, no tensors")
    state = {str(name).removeprefix("module."): weight for name, weight in content.items()}
    first = state.get("model.1.weight")
    if first is None or first.ndim != 4:
        what = f"weights are called {few(list(state), 5)}" if state else "it is empty"
        raise InputError(f"{source}: {EXPECTED}, with a first convolution model.1.weight; {what}")
    statistics = [name for name in state if name.rpartition(".")[2] in OLD_STATISTICS]
    if statistics and "model.2.weight" in state:
        raise InputError(f"{source}: {EXPECTED}; model.2.weight beside {statistics[0]} is batch norm")
    return with_our_blocks({name: weight for name, weight in state.items() if name not in statistics})


def with_our_blocks(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of blocks under our names: `model.10.block.6.weight` of a block with dropout between its convolutions
    is `model.10.conv_block.5.weight`. Others keep their names."""
    found = {name: match.groups() for name in state if (match := OF_A_BLOCK.fullmatch(name))}
    layers: dict[str, list[int]] = {}
    for block, layer, _ in found.values():
        layers[block] = sorted({*layers.get(block, []), int(layer)})
    renamed = {}
    for name, weight in state.items():
        if name in found and (ours := NUMBERS.get(len(layers[found[name][0]]))):
            block, layer, kind = found[name]
            name = f"model.{block}.conv_block.{ours[layers[block].index(int(layer))]}.{kind}"
        renamed[name] = weight
    return renamed


def options_of(state: dict[str, Tensor]) -> dict[str, Any]:
    """Arguments of the ResnetGenerator with these weights."""
    width = len(state["model.1.weight"])
    blocks = len([name for name in state if re.fullmatch(r"model\.\d+\.conv_block\.1\.weight", name)])
    # a transposed convolution has its input channels first, twice as many as its output channels
    up = state.get(f"model.{10 + blocks}.weight")
    transposed = up is None or up.shape[0] == 4 * width
    upsample: Upsampling = "transpose" if transposed else "resize"
    sizes = {"width": width, "blocks": blocks, "channels": state["model.1.weight"].shape[1]}
    norm: GeneratorNorm = "affine" if "model.2.weight" in state else "none" if "without_norm" in state else "instance"
    kinds = {"residual": "draws_change" in state, "masked": "draws_mask" in state, "generator_norm": norm}
    return {**sizes, **kinds, "upsample": upsample}
