"""The files of a model repository: weights, config, run record, scores and a generated model card."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

import lit_gans
from lit_gans import zoo
from lit_gans.checkpoints import read_torch_file
from lit_gans.configs import read_config
from lit_gans.errors import InputError
from lit_gans.files import without_folders
from lit_gans.hub import CONFIG, WEIGHTS, found
from lit_gans.inference.checkpoint import hyperparameters_of
from lit_gans.inference.generator_file import generator_file
from lit_gans.pictures import as_image, grid, labelled_grid
from lit_gans.safe_files import to_safetensors

ROWS, PER_ROW, SQUARE = 6, 6, 5
NOT_MEASURED = "No scores.json was given: what it draws has not been measured."


def files_of(checkpoint: Path, name: str, licence: str, scores: Sequence[Path] | None) -> dict[str, bytes]:
    """Name -> content of each file: weights, config, facts of the run, scores, a grid and the card.

    Args:
        name: owner/name.
        scores: files of tests; None for the one beside the checkpoint, where there is one.

    Raises:
        InputError: no checkpoint of this package, or scores of another training.
    """
    checkpoint = found(checkpoint)
    model = lit_gans.load(checkpoint)
    content = generator_file(read_torch_file(checkpoint, "checkpoint"), model.sampling_networks)
    hyperparameters = hyperparameters_of(content)
    entry = zoo.cards().get(checkpoint.stem, {}) if checkpoint.parent in zoo.HOMES else {}
    run = entry.get("run") or json_beside(checkpoint, "run.json")
    if scores is None:
        scores = [file for file in beside(checkpoint, "scores.json")[:1]]
    measured = [checked_scores(file, model) for file in scores] or ([entry["scores"]] if entry else [])
    files = {
        WEIGHTS: to_safetensors(content),
        "config.json": text({"library_name": "lit_gans", "model": model.model_name, **hyperparameters}),
    }
    configs = [checkpoint.with_suffix(".yaml")] if entry else beside(checkpoint, CONFIG)
    config = read_config(configs[0]) if configs else {}
    if config:
        files[CONFIG] = without_folders(yaml.safe_dump(config, sort_keys=False, allow_unicode=True)).encode()
    if run:
        files["run.json"] = text(run)
    for i, facts in enumerate(measured):
        files[f"scores{f'_{i + 1}' if i else ''}.json"] = text(facts)
    picture = drawn(model)
    if picture is not None:
        files["grid.png"] = png(picture)
    files["README.md"] = card(name, licence, model, run, measured, config, entry, picture is not None).encode()
    return files


def beside(checkpoint: Path, name: str) -> list[Path]:
    """The files of this name beside a checkpoint, and in its run's folder."""
    return [file for folder in (checkpoint.parent, checkpoint.parent.parent) if (file := folder / name).is_file()]


def json_beside(checkpoint: Path, name: str) -> dict[str, Any]:
    return next((read_json(file) for file in beside(checkpoint, name)), {})


def read_json(file: Path) -> dict[str, Any]:
    """Raises InputError: no such file, or no JSON object."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not JSON: {error}; give the scores.json of a test") from None
    if not isinstance(content, dict):
        raise InputError(f"{file}: expected a JSON object, such as `lit-gans test` writes")
    return content


def checked_scores(file: Path, model: Any) -> dict[str, Any]:
    """Raises InputError: not of this model."""
    scores = read_json(file)
    theirs, mine = (scores.get("model"), scores.get("images_seen")), (model.model_name, model.images_seen)
    if theirs != mine:
        raise InputError(
            f"--scores {file}: of a {theirs[0]} that had seen {theirs[1]} images; CKPT is a {mine[0]} that has seen "
            f"{mine[1]}. Give the scores.json of a test of this checkpoint"
        )
    return scores


def text(content: Mapping[str, Any]) -> bytes:
    return (without_folders(json.dumps(content, indent=2)) + "\n").encode()


def png(picture: Tensor) -> bytes:
    file = io.BytesIO()
    as_image(picture).save(file, "PNG")
    return file.getvalue()


def drawn(model: Any) -> Tensor | None:
    """Sample grid of seed 0; None for a model that needs input pictures."""
    if not hasattr(model, "sample"):
        return None
    names = getattr(model, "class_names", None)
    if names:
        rows = [[name] for name in names[:: max(1, len(names) // ROWS)][:ROWS]]
        return labelled_grid(model.sample(rows, n=PER_ROW, seed=0), [row[0] for row in rows])
    return None if hasattr(model, "num_classes") else grid(model.sample(SQUARE**2, seed=0), per_row=SQUARE)


def card(
    name: str,
    licence: str,
    model: Any,
    run: Mapping[str, Any],
    scores: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    entry: Mapping[str, Any],
    has_grid: bool,
) -> str:
    """The README.md of a model repository; `entry` is the card of a generator of the zoo."""
    kind = model.model_name
    task = "unconditional-image-generation" if has_grid else "image-to-image"
    head = {"license": licence, "library_name": "lit_gans", "pipeline_tag": task, "tags": ["lit_gans", kind]}
    names = list(getattr(model, "class_names", None) or ())
    size = getattr(model, "hparams", {}).get("image_size")
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False).strip(),
        "---",
        f"# {name.split('/')[1]}",
        f"A `{kind}` of lit_gans {lit_gans.__version__}"
        + (f" for pictures of {size}x{size} px" if size else "")
        + (f" and {len(names)} classes: {', '.join(names)}" if names else "")
        + ".",
        *(["![What it draws, seed 0](grid.png)"] if has_grid else []),
        "## Use",
        f'```python\nimport lit_gans\n\nmodel = lit_gans.load("hf://{name}")\n```',
        "## Training",
        *training_lines(run, config, entry.get("data")),
        "## Scores",
        *([line for measured in scores for line in score_lines(measured)] or [NOT_MEASURED]),
        "## Limits",
        *limit_lines(model, scores, entry),
    ]
    return "\n\n".join(lines) + "\n"


def training_lines(run: Mapping[str, Any], config: Mapping[str, Any], source: Mapping[str, str] | None) -> list[str]:
    data = config.get("data") or {}
    options = data.get("init_args") or {}
    facts = []
    if data:
        kind, folder = data["class_path"].rsplit(".", 1)[-1], Path(str(options.get("root"))).name
        facts.append(f"- data: `{kind}`, folder `{folder}`")
    if source:
        facts.append(f"- from: {source['name']}, {source['source']} (licence: {source['licence']})")
    if not run:
        return ["\n".join([*facts, "- no run.json lies beside the checkpoint: how it was trained is not recorded"])]
    machine = run.get("machine", {})
    facts += [
        f"- command: `{without_folders(' '.join(run.get('command', [])))}`",
        f"- commit: {run.get('commit') or 'not recorded'}, seed {run.get('seed')}",
        f"- {zoo.minutes(run):.4g} minutes, {run.get('images_seen')} images, on {run.get('devices', 1)} x "
        f"{machine.get('gpu') or machine.get('processor')} ({machine.get('threads')} threads, {run.get('precision')})",
        "- " + ", ".join(f"{package} {number}" for package, number in run.get("versions", {}).items()),
    ]
    return ["\n".join(facts)]


def score_lines(scores: Mapping[str, Any]) -> list[str]:
    """Table of the scores of a test, with evaluator or extractor."""
    rows = []
    for condition_list, columns in scores.get("object_score", {}).items():
        for file, row in columns.items():
            digest = scores.get("evaluators", {}).get(file, "")
            figures = f"{row['mean']:.4f} (sd {row['std']:.4f}, {len(row.get('draws', ()))} draws)"
            rows.append(f"| object score, {condition_list} | {figures} | {file}, sha256 `{digest[:16]}` |")
    for real, row in scores.get("quality", {}).items():
        figures = f"{row['frechet_distance']:.4f}"
        rows.append(f"| Frechet distance to {real} ({row['real']} pictures) | {figures} | {row['extractor']}: no FID |")
    bits = scores.get("bits_per_dim")
    if bits:
        rows.append(f"| held-out bits/dim | {bits['mean']:.4f} | {bits['images']} pictures |")
    for direction, row in scores.get("translation", {}).items():
        rows.append(f"| {direction}: cycle L1 | {row['cycle_l1']:.4f} | {scores.get('images_seen')} images seen |")
    missing = [f"Not measured: {', '.join(scores['not_measured'])}."] if scores.get("not_measured") else []
    table = ["\n".join(["| what | value | measured with |", "|---|---|---|", *rows])] if rows else []
    weights = f"Weights: {scores.get('weights')}; temperature {scores.get('temperature', 1)}."
    return [*table, weights, *missing]


def limit_lines(model: Any, scores: Sequence[Mapping[str, Any]], entry: Mapping[str, Any]) -> list[str]:
    lines = ["- It draws what its training pictures show, in their size; other classes or sizes need another training."]
    if hasattr(model, "translate"):
        lines = ["- It translates pictures of the two kinds that it was trained on; other kinds need another training."]
    if getattr(model, "architecture", "") == "object_layers":
        lines.append(f"- At most {model.slots} classes in a picture.")
    shares = [row for measured in scores for row in measured.get("extra_objects", {}).values()]
    extra = [value for row in shares for value in row.values()]
    if extra:
        lines.append(f"- Up to {max(extra):.1%} of the objects in its pictures were asked for by nobody.")
    if entry:
        lines.append(f"- {entry['weak']}")
    lines.append("- Scores of different classifiers, or of different feature extractors, do not compare.")
    return ["\n".join(lines)]
