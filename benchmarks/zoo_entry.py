"""What `publish.py --weights` puts into weights/: the weights in float16, what they draw, and their card."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

import lit_gans
from data_modules.loader import to_float
from data_modules.rendered.animals import render_animal
from lit_gans.checkpoints import read_torch_file
from lit_gans.cli import main as lit_gans_command
from lit_gans.files import sha256
from lit_gans.inference.checkpoint import model_name
from lit_gans.inference.sampling import ConditionalSampling
from lit_gans.inference.translation import Translation
from lit_gans.pictures import grid, save_picture

ZOO = Path(__file__).parent.parent / "weights"
LARGEST = 10e6
RENDERED = "drawn by `lit-gans data`, MIT like the package"
HORSES = ("horse2zebra", "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix", "ImageNet's terms of access")
# data module -> name, source and licence of the data
DATA = {
    "ICLEVR": ("iCLEVR", "https://github.com/Maluuba/GeNeVA_datasets", "Microsoft's, in the GeNeVA archive"),
    "AnimeFaces": (
        "anime faces, NTU MLDS 2018",
        "https://github.com/victor30518/MLDS2018SPRING",
        "none stated; web artwork",
    ),
    "CelebA": ("CelebA", "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", "non-commercial research"),
    "Unpaired": HORSES,
    "Domains": HORSES,
}


def add(name: str, run: Path, record: Path, texts: dict[str, str | None], conditions: Sequence[str]) -> dict[str, Any]:
    """Writes `NAME.safetensors` (`.pth` of an evaluator), `.yaml`, `.png` and `.json`, and returns the card.

    Args:
        name: in the zoo.
        run: folder of the training.
        record: its entry in the record of experiments.
        texts: "draws", "weak" and "data"; None takes an earlier card's, and for "data", where there is none, what is
            known of the data module, which also reads rendered data of the same layout.
        conditions: what the picture shows, a row each; of a conditional generator.

    Raises:
        SystemExit: the file is too large, or a text is missing.
    """
    earlier = ZOO / f"{name}.json"
    before = json.loads(earlier.read_text(encoding="utf-8")) if earlier.is_file() else {}
    config = yaml.safe_load((record / "config.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(dir=ZOO) as folder:
        file = exported(run / "checkpoints" / "last.ckpt", Path(folder), name)
        card = {
            "schema": 1,
            "file": file.name,
            "sha256": sha256(file),
            "bytes": file.stat().st_size,
            "draws": texts["draws"] or before.get("draws"),
            "weak": texts["weak"] or before.get("weak"),
            "data": rendered(texts["data"]) or before.get("data") or known(config),
            "record": record.name,
            "run": json.loads((record / "run.json").read_text(encoding="utf-8")),
            "scores": scores_of(record),
        }
        missing = [key for key in ("draws", "weak", "data") if not card[key]]
        if missing:
            raise SystemExit(f"{name}: give --{' and --'.join(missing)}: a text for its card")
        if file.suffix == ".safetensors":
            model = lit_gans.load(file)
            names = [[part.strip() for part in text.split(",")] for text in conditions]
            card["picture"] = {"conditions": names or before.get("picture", {}).get("conditions") or chosen(model)}
            save_picture(drawn(model, card["picture"]), Path(folder) / f"{name}.png")
        kept = {"model": config["model"], "data": config["data"]}
        (Path(folder) / f"{name}.yaml").write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")
        (Path(folder) / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        for part in Path(folder).iterdir():
            shutil.move(part, ZOO / part.name)
    return card


def exported(checkpoint: Path, folder: Path, name: str) -> Path:
    """The weights that are shipped, in float16."""
    of_evaluator = model_name(read_torch_file(checkpoint, "checkpoint")) == "Evaluator"
    kind, ending = ("evaluator", "pth") if of_evaluator else ("generator", "safetensors")
    file = folder / f"{name}.{ending}"
    if lit_gans_command(["export", kind, str(checkpoint), str(file), "--half"]) != 0:
        raise SystemExit(f"{checkpoint}: not exported; see above")
    if file.stat().st_size > LARGEST:
        raise SystemExit(f"{name}: {file.stat().st_size / 1e6:.1f} MB in float16; the zoo takes {LARGEST / 1e6:.0f}")
    return file


def rendered(told: str | None) -> dict[str, str] | None:
    """Name, source and licence of data that this package draws."""
    return {"name": told, "source": RENDERED, "licence": "MIT"} if told else None


def known(config: dict[str, Any]) -> dict[str, str] | None:
    """Name, source and licence of the data that the data module of a run is made for."""
    facts = DATA.get(config["data"]["class_path"].rsplit(".", 1)[-1])
    return dict(zip(("name", "source", "licence"), facts, strict=True)) if facts else None


def scores_of(record: Path) -> dict[str, Any]:
    file = record / "scores.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def chosen(model: Any) -> list[list[str]] | None:
    """Four conditions, if the model takes any: one class, two, three and one, spread over its classes."""
    names = getattr(model, "class_names", None)
    if not isinstance(model, ConditionalSampling) or not names:
        return None
    return [[names[(5 * i + 7 * j) % len(names)] for j in range(i % 3 + 1)] for i in range(4)]


def drawn(model: Any, picture: dict[str, Any]) -> Tensor:
    """The picture on a card, uint8 (3, H, W): a row of 8 for each condition, or 32 of a model without; of a CycleGAN
    eight plain animals, what they become, eight striped ones, what they become."""
    if isinstance(model, Translation):
        plain, striped = (animals(kind) for kind in (False, True))
        return grid(torch.cat([plain, model.translate(plain, "a2b"), striped, model.translate(striped, "b2a")]))
    asked = picture["conditions"]
    images = model.sample(asked, n=8, seed=0) if asked else model.sample(32, seed=0)
    return grid(images)


def animals(striped: bool) -> Tensor:
    """Eight drawn animals of 64 px, (8, 3, 64, 64) in [-1, 1]; of another seed than a demo's."""
    images = np.stack([render_animal(striped, index, seed=2).image for index in range(8)])
    return to_float(torch.from_numpy(images).permute(0, 3, 1, 2))
