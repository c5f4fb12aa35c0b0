"""What earlier versions called models and their options: their checkpoints, configs and command lines still work."""

from collections.abc import Mapping
from typing import Any

# Hyperparameter of a model -> the option that it is now: of the model, or of the scoring callback.
OLD_OPTIONS = {
    "evaluator": "score.evaluator",
    "draws": "score.draws",
    "draw_seed": "score.draw_seed",
    "weights": "score.use_ema",
    "extractor": "score.extractor",
    "face_cascade": "score.face_cascade",
    "lr_drop": "model.low_res_drop",
    "drawing": "model.architecture",
    "label_drop": "model.condition_drop",
    "places": "model.ordered_objects",
}
# Values of these hyperparameters that have other names now.
OLD_VALUES: dict[str, dict[str, Any]] = {
    "weights": {"ema": True, "raw": False},
    "drawing": {"objects": "object_layers", "whole": "modulated"},
}

# Models that are settings of another one now: its name, and the hyperparameters that make it theirs.
OLD_MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    # Arjovsky et al. 2017: five critic steps, each on a fresh batch, for one of the generator; clipped weights
    "WGAN": (
        "DCGAN",
        {
            "objective": "wgan",
            "norm": "none",
            "dropout": 0.0,
            "schedule": {"generator_every": 5},
            "clip_weights": 0.01,
            "optimizer_generator": "rmsprop",
            "optimizer_discriminator": "rmsprop",
            "lr_generator": 5e-5,
            "lr_discriminator": 5e-5,
        },
    ),
    # Gulrajani et al. 2017
    "WGANGP": (
        "DCGAN",
        {
            "objective": "wgan",
            "norm": "layer",
            "dropout": 0.0,
            "schedule": {"generator_every": 5},
            "penalties": [{"where": "line", "target": "one", "weight": 10.0}],
            "lr_generator": 1e-4,
            "lr_discriminator": 1e-4,
            "betas": (0.0, 0.9),
        },
    ),
}


def model_of_today(name: str) -> str:
    """The model that one of this name is now."""
    return OLD_MODELS[name][0] if name in OLD_MODELS else name


def options_of_today(name: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters of a model that was called `name`, as options of today: "model.width", "score.draws", ..."""
    options: dict[str, Any] = {}
    if name in OLD_MODELS:
        options = {f"model.{key}": value for key, value in OLD_MODELS[name][1].items()}
        given = {
            key: value for key, value in given.items() if (key, value) != ("schedule", None)
        }  # None was five to one
    return options | {OLD_OPTIONS.get(key, f"model.{key}"): value_of_today(key, value) for key, value in given.items()}


def value_of_today(name: str, value: Any) -> Any:
    """The value that this one of a hyperparameter is now."""
    return OLD_VALUES.get(name, {}).get(value, value) if isinstance(value, str) else value


def of_the_model(options: Mapping[str, Any], part: str = "model") -> dict[str, Any]:
    """Those of the options that belong to the model, or to another part, by their names in it."""
    return {name.removeprefix(f"{part}."): value for name, value in options.items() if name.startswith(f"{part}.")}
