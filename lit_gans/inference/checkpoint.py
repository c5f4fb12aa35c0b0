"""Whether a checkpoint belongs to a model: compared before anything of it is loaded."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from lit_gans.errors import InputError, few
from lit_gans.inference.weights import averaged_weights
from lit_gans.old_names import model_of_today, of_the_model, options_of_today

# Under this key a checkpoint has what load() and resuming need beside Lightning's own entries.
CHECKPOINT_KEY = "lit_gans"

Shapes = dict[str, torch.Size]


def check_belongs(checkpoint: Mapping[str, Any], model: Any, source: str, *, continues: bool = False) -> None:
    """
    Args:
        checkpoint: content of a file.
        model: the LightningModule that shall get its weights.
        source: what opens the message, such as "--ckpt_path FILE".
        continues: whether the training goes on, for which the file of a generator alone is not enough.

    Raises:
        InputError: another program's file, another class, other classes or another order of them, or other shapes.
    """
    check_origin(checkpoint, model, source, continues=continues)
    check_shapes(checkpoint, model, source)


def check_origin(checkpoint: Mapping[str, Any], model: Any, source: str, *, continues: bool = False) -> None:
    """What `check_belongs` looks at beside the shapes; arguments and errors are the same."""
    name = model_name(checkpoint)
    if name is None:
        raise InputError(f"{source}: not written by a model of lit_gans")
    own = [base.__name__ for base in type(model).__mro__]
    if name not in own:
        raise InputError(
            f"{source}: holds a {name}, and the config asks for a {own[0]}; give a checkpoint of a {own[0]}, or the "
            f"config of the {name}"
        )
    if continues and networks_alone(checkpoint):
        raise InputError(
            f"{source}: holds weights alone, and no state of a training; a training continues from its run's "
            "last.ckpt, and a new one begins with these weights by --model.start_from FILE in the place of --ckpt_path"
        )
    check_class_names(checkpoint, getattr(model, "class_names", None), source)


def check_class_names(checkpoint: Mapping[str, Any], mine: Any, source: str, *, others: bool = False) -> None:
    """Another order is refused, not mapped: an evaluator in the course's layout has no names, and knows the data's
    order alone, so the model's must be the same.

    Args:
        checkpoint: content of a file.
        mine: the model's class names, or None.
        source: what opens the message.
        others: whether a model of other classes is welcome; one of the same in another order never is.

    Raises:
        InputError: the checkpoint's class names are no list of texts, or others, or the same in another order: its
            weights would draw, silently, other things than the data asks for.
    """
    theirs = hyperparameters_of(checkpoint).get("class_names")
    if theirs is None or mine is None or plain(theirs) == plain(mine):
        return
    if not isinstance(theirs, list | tuple) or not all(isinstance(name, str) for name in theirs):
        raise InputError(f"{source}: its class_names are no list of texts; it is damaged")
    theirs, mine = list(theirs), list(mine)
    if sorted(theirs) == sorted(mine):
        first = next(i for i, (one, other) in enumerate(zip(theirs, mine, strict=True)) if one != other)
        raise InputError(
            f"{source}: trained with the same classes in another order: class {first} is {theirs[first]!r} there and "
            f"{mine[first]!r} in this data. Give the data the checkpoint's order (iCLEVR: the numbers in objects.json; "
            f"CelebA: data.attributes; tags: data.tag_order; folders: data.columns). There: {few(theirs)}. "
            f"Here: {few(mine)}"
        )
    if others:
        return
    missing = [name for name in theirs if name not in mine]
    new = [name for name in mine if name not in theirs]
    parts = [
        f"{word} {few([repr(name) for name in names])}"
        for word, names in (("only there", missing), ("only here", new))
        if names
    ]
    raise InputError(
        f"{source}: trained with {len(theirs)} other classes than the {len(mine)} of this data ({'; '.join(parts)}); "
        "give the data that it was trained on"
    )


def check_shapes(checkpoint: Mapping[str, Any], model: Any, source: str) -> None:
    """Raises InputError: weights of other names or shapes; names the hyperparameters that make the difference."""
    theirs = shapes_in(checkpoint, source)
    mine = shapes_of(model)
    if alone := networks_alone(checkpoint):
        found = {only: averaged_weights(checkpoint["state_dict"], only) for only in alone}
        theirs = {f"{only}.{name}": weight.shape for only, part in found.items() for name, weight in part.items()}
        mine = {name: shape for name, shape in mine.items() if name.partition(".")[0] in alone}
    if theirs == mine:
        return
    there, here = hyperparameters_of(checkpoint), dict(model.hparams)
    other = [key for key in here if key in there and plain(there[key]) != plain(here[key])]
    deciding = [key for key in other if changes_shapes(type(model), here, key, there[key])] or other
    if deciding:
        told = ", ".join(f"{key} is {plain(there[key])!r} there and {plain(here[key])!r} here" for key in deciding)
        options = " ".join(f"--model.{key} {plain(there[key])}" for key in deciding)
        raise InputError(f"{source}: its weights do not fit this model: {told}; give {options}, or another checkpoint")
    raise InputError(
        f"{source}: its weights do not fit this model: {first_difference(theirs, mine)}; it is damaged or of another "
        "version of lit_gans"
    )


def first_difference(theirs: Shapes, mine: Shapes) -> str:
    """One weight in which they differ, in words."""
    for name, shape in mine.items():
        if name not in theirs:
            return f"{name} is missing"
        if theirs[name] != shape:
            return f"{name} has shape {tuple(theirs[name])}, expected {tuple(shape)}"
    return f"{next(name for name in theirs if name not in mine)} is none of its weights"


def changes_shapes(model: type, hyperparameters: Mapping[str, Any], key: str, value: Any) -> bool:
    """Whether the weights have other shapes with another value of one hyperparameter."""
    own = {name: given for name, given in hyperparameters.items() if not name.startswith("_")}
    before, after = (shapes_on_paper(model, options) for options in (own, {**own, key: value}))
    return before is not None and after is not None and before != after


def shapes_on_paper(model: Callable[..., nn.Module], hyperparameters: Mapping[str, Any]) -> Shapes | None:
    """The shapes that a model's weights would have, without any memory for them; None if that cannot be told."""
    try:
        with torch.device("meta"):
            return shapes_of(model(**hyperparameters))
    except Exception:  # a constructor that looks at values, or a value it refuses: told where the model is made
        return None


def shapes_of(model: nn.Module) -> Shapes:
    return {name: weight.shape for name, weight in model.state_dict().items()}


def shapes_in(checkpoint: Mapping[str, Any], source: str) -> Shapes:
    """Raises InputError: no state dict of tensors."""
    state = checkpoint.get("state_dict")
    if not isinstance(state, dict) or not all(isinstance(weight, torch.Tensor) for weight in state.values()):
        raise InputError(f"{source}: has no state_dict of tensors; it is damaged")
    return {name: weight.shape for name, weight in state.items()}


def model_name(checkpoint: object) -> str | None:
    """The model of a checkpoint, by today's name; None if the content of the file is something else."""
    name = written_name(checkpoint)
    return None if name is None else model_of_today(name)


def written_name(checkpoint: object) -> str | None:
    """The class that wrote a checkpoint."""
    tag = checkpoint.get(CHECKPOINT_KEY) if isinstance(checkpoint, dict) else None
    name = tag.get("model") if isinstance(tag, dict) else None
    return name if isinstance(name, str) else None


def networks_alone(checkpoint: Mapping[str, Any]) -> tuple[str, ...]:
    """The networks whose weights are all that a checkpoint has, see generator_file.py; none of a whole one."""
    only = checkpoint[CHECKPOINT_KEY].get("only")
    if isinstance(only, str):
        return (only,)
    return tuple(map(str, only)) if isinstance(only, list) else ()


def hyperparameters_of(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the model, by today's names; keys with an underscore are Lightning's own."""
    given = checkpoint.get("hyper_parameters")
    given = given if isinstance(given, dict) else {}
    own = {k: v for k, v in given.items() if not str(k).startswith("_")}
    return of_the_model(options_of_today(written_name(checkpoint), own))


def plain(value: Any) -> Any:
    """A value as it compares: a tuple is the list that a file has of it."""
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return {key: plain(part) for key, part in value.items()} if isinstance(value, dict) else value
