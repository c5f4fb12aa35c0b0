"""What of a state dict pictures are drawn from: a network, or its average, which has the same name with `_ema`."""

from collections.abc import Mapping

from torch import Tensor


def averaged_weights(state: Mapping[str, Tensor], network: str) -> dict[str, Tensor]:
    """The network's own state out of a model's: the averaged one where there is one."""
    averaged = f"{network}_ema."
    prefix = averaged if any(name.startswith(averaged) for name in state) else f"{network}."
    return {name.removeprefix(prefix): weight for name, weight in state.items() if name.startswith(prefix)}


def with_averaged_weights(
    state: Mapping[str, Tensor], network: str, weights: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A model's state with these weights for the network, and for its average if the model has one. A weight that is
    missing is missing there too, so that loading notices."""
    own, averaged = f"{network}.", f"{network}_ema."
    others = {name: weight for name, weight in state.items() if not name.startswith((own, averaged))}
    prefixes = [prefix for prefix in (own, averaged) if any(name.startswith(prefix) for name in state)]
    return others | {prefix + name: weight for prefix in prefixes for name, weight in weights.items()}
