"""The zoo: the trained generators and classifiers that come with the package, by name. Loads no torch.

Beside each file of weights lie `NAME.json`, its card; `NAME.yaml`, model and data of its run, which test and predict
read; and `NAME.png`, what it draws. `benchmarks/publish.py RUN --weights` writes them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lit_gans.errors import did_you_mean

# In a wheel the weights lie inside the package, in a checkout beside it.
HOMES = tuple(Path(__file__).resolve().parents[i] / "weights" for i in (0, 1))

# A wheel stays below 30 MB; see pyproject.toml.
CHECKOUT_ONLY = (
    "dcgan_anime",
    "evaluator_anime_tags",
    "evaluator_horse2zebra",
    "evaluator_iclevr_b",
    "evaluator_rendered",
    "flow_matching_iclevr",
)


def cards(homes: tuple[Path, ...] = HOMES) -> dict[str, dict[str, Any]]:
    """Name -> card: what it draws, its file, data, run, scores and faults; in the order of names."""
    files = {file.stem: file for home in homes for file in home.glob("*.json")}
    return {name: json.loads(files[name].read_text(encoding="utf-8")) for name in sorted(files)}


def found(given: str | Path) -> Path:
    """The file of this path or, where there is none, the weights of this name in the zoo; else the path as it is."""
    path = Path(given).expanduser()
    if path.exists() and not path.is_dir():
        return path
    if path.suffix == ".ckpt" and path.resolve().parent in HOMES:  # as earlier versions had them
        renamed = path.with_suffix(".safetensors")
        return renamed if renamed.is_file() else path
    homes = [home for home in HOMES if (home / f"{path}.json").is_file()] if is_name(path) else []
    if not homes:
        return path
    return homes[0] / json.loads((homes[0] / f"{path}.json").read_text(encoding="utf-8"))["file"]


def is_name(path: Path) -> bool:
    """Whether it may be a name of the zoo: no folder, no ending."""
    return len(path.parts) == 1 and not path.suffix


def hint(path: Path) -> str:
    """What ends the message about a file that is not there: the names that were perhaps meant."""
    if not is_name(path):
        return ""
    if path.name in CHECKOUT_ONLY:
        return "; this name of the zoo is no part of a wheel: give the file in weights/ of a checkout"
    known = sorted(file.stem for home in HOMES for file in home.glob("*.json"))
    return f", and no name in the zoo; {did_you_mean(str(path), known) or 'lit-gans zoo lists them'}"


def score(scores: Mapping[str, Any]) -> str:
    """The figure of a scores.json that tells most, in words; an empty text where nothing was measured."""
    if lists := scores.get("object_score"):
        evaluator = next(iter(next(iter(lists.values()))))
        means = " / ".join(f"{lists[name][evaluator]['mean']:.3f}" for name in lists)
        return f"{means} of asked classes seen ({' / '.join(lists)})"
    if "held_out_score" in scores:
        return f"{scores['held_out_score']:.3f} of the classes in held-out real images"
    if "translation" in scores:
        cycle = " / ".join(f"{values['cycle_l1']:.3f}" for values in scores["translation"].values())
        return f"cycle L1 {cycle} ({' / '.join(scores['translation'])})"
    for name, values in scores.get("quality", {}).items():
        return f"Frechet distance {values['frechet_distance']:.3f} to {name} ({values['extractor']})"
    return ""


def budget(run: Mapping[str, Any]) -> str:
    """Minutes and the machine's part in them."""
    if run["minutes"] is None:
        return "not measured"
    machine = run["machine"]
    on = machine["gpu"] or f"{machine['threads']} CPU thread{'s' if machine['threads'] > 1 else ''}"
    return f"{minutes(run):.0f} on {on}"


def minutes(run: Mapping[str, Any]) -> float:
    """Of a training, with those of the runs that it continues."""
    return float(run["minutes"] + (run.get("minutes_before") or 0))
