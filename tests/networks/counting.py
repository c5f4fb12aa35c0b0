"""Counting and looking at networks, for their tests."""

from torch import Tensor, nn


def trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def running(network: nn.Module) -> int:
    """Values of the BatchNorms' running statistics: what Keras calls non-trainable parameters."""
    return sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)


def table(network: nn.Module) -> list[tuple[tuple[int, ...], int]]:
    """Weight shape and parameters of each layer that has any, in the order of the network."""
    leaves = [m for m in network.modules() if not list(m.children()) and list(m.parameters())]
    return [(tuple(leaf.get_parameter("weight").shape), trainable(leaf)) for leaf in leaves]


def shapes(network: nn.Module) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in network.state_dict().items()}


def layers_of(network: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kinds)]


def sizes(network: nn.Module, *inputs: Tensor) -> list[tuple[int, ...]]:
    """(C, H, W) of what each block of `network.layers` gives."""
    found: list[tuple[int, ...]] = []
    blocks = list(network.get_submodule("layers").children())
    hooks = [block.register_forward_hook(lambda _, args, out: found.append(tuple(out.shape[1:]))) for block in blocks]
    network(*inputs)
    for hook in hooks:
        hook.remove()
    return found
