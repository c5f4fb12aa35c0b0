"""Generator files of the PyTorch code that the authors of CycleGAN published (`latest_net_G_A.pth` and the like)."""

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from lit_gans.checkpoints import one_line, read_torch_file
from lit_gans.errors import InputError
from lit_gans.networks.cyclegan import ResnetGenerator, Upsampling

EXPECTED = "expected the state dict of a ResNet generator with instance norm, of CycleGAN's reference implementation"
# Instance norms of PyTorch before 0.4 kept statistics that nothing used.
OLD_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def load_generator(path: str | Path) -> ResnetGenerator:
    """The generator of a file that holds nothing but its state dict, in eval mode.

    Width, number of blocks and kind of upsampling are read off the shapes, `residual` off the names. A generator of
    this package is written to such a file by `torch.save(model.generator_a2b.state_dict(), path)`.

    Raises:
        InputError: missing file, another kind of file, or weights that do not fit exactly.
    """
    path = Path(path).expanduser()
    state = generator_state(read_torch_file(path, "generator"))
    if state is None:
        raise InputError(f"generator {path}: {EXPECTED}")
    generator = ResnetGenerator(**options_of(state))
    try:
        generator.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise InputError(f"generator {path}: {EXPECTED}; {one_line(error)}") from None
    return generator.eval()


def generator_state(content: Any) -> dict[str, Tensor] | None:
    """The state dict under today's names, whether it was saved from a DataParallel or an old PyTorch; None if the
    content is something else."""
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        return None
    state = {str(name).removeprefix("module."): weight for name, weight in content.items()}
    state = {name: weight for name, weight in state.items() if name.rpartition(".")[2] not in OLD_STATISTICS}
    first = state.get("model.1.weight")
    return state if first is not None and first.ndim == 4 else None


def options_of(state: dict[str, Tensor]) -> dict[str, Any]:
    """Arguments of the ResnetGenerator with these weights."""
    width = len(state["model.1.weight"])
    blocks = len([name for name in state if re.fullmatch(r"model\.\d+\.conv_block\.1\.weight", name)])
    # a transposed convolution has its input channels first, twice as many as its output channels
    up = state.get(f"model.{10 + blocks}.weight")
    transposed = up is None or up.shape[0] == 4 * width
    upsample: Upsampling = "transpose" if transposed else "resize"
    sizes = {"width": width, "blocks": blocks, "channels": state["model.1.weight"].shape[1]}
    return {**sizes, "upsample": upsample, "residual": "draws_change" in state}
