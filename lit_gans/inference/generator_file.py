"""A checkpoint of what pictures are drawn from, without what only training needs: a few MB instead of tens."""

from collections.abc import Mapping, Sequence
from typing import Any

from lit_gans.errors import InputError
from lit_gans.inference.checkpoint import CHECKPOINT_KEY, hyperparameters_of, model_name
from lit_gans.inference.weights import averaged_weights

# What stays of a checkpoint beside its weights and hyperparameters; the first three are Lightning's.
KEPT = ("pytorch-lightning_version", "epoch", "global_step", "updates")
# Hyperparameters that may name files of the machine it was trained on, and have no part in drawing.
FILES = ("start_from", "start_discriminator_from")


def generator_file(checkpoint: Mapping[str, Any], networks: Sequence[str]) -> dict[str, Any]:
    """The same checkpoint with the weights of the networks that draw alone: the averaged ones where there are any.

    `lit_gans.load` and a Trainer's test read it like any other; both "ema" and "raw" are then these weights.

    Args:
        checkpoint: what `lit-gans fit` wrote.
        networks: its model's `sampling_networks`.

    Raises:
        InputError: a model that draws no pictures of its own.
    """
    if not networks:
        name = model_name(checkpoint)
        raise InputError(f"{name}: draws no pictures; expected the checkpoint of a GAN, a flow or a CycleGAN")
    state = checkpoint["state_dict"]
    return {
        **{key: checkpoint[key] for key in KEPT if key in checkpoint},
        "hyper_parameters": {k: v for k, v in hyperparameters_of(checkpoint).items() if k not in FILES},
        "state_dict": {
            f"{network}.{name}": weight
            for network in networks
            for name, weight in averaged_weights(state, network).items()
        },
        # of one network a text, as earlier versions read it
        CHECKPOINT_KEY: {**checkpoint[CHECKPOINT_KEY], "only": networks[0] if len(networks) == 1 else list(networks)},
    }
