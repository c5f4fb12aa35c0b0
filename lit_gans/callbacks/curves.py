"""The curves of a run, drawn from its ``metrics.csv``."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from pathlib import Path

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_warn

DIVERSITY = "val/diversity"  # of another size than the distance beside it
Points = list[tuple[float, float]]  # (x, y)


class Curves(Callback):
    """Write ``curves.png`` beside ``metrics.csv`` when fitting ends, however it ends. Those of a run that continued
    another one (``fit --ckpt_path``) begin where that one did.

    Needs a ``CSVLogger``; without one nothing is written. A failure to draw is a warning, never an error.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        _draw(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            _draw(trainer)


def _draw(trainer: Trainer) -> None:
    if not trainer.is_global_zero:
        return
    for logger in trainer.loggers:
        if isinstance(logger, CSVLogger) and (folder := Path(logger.log_dir)).is_dir():  # saving would make it
            try:
                logger.save()
                plot_curves(history(folder), folder / "curves.png")
            except Exception as error:  # a picture is worth no run, and must not hide why a run failed
                rank_zero_warn(f"could not draw {folder / 'curves.png'}: {type(error).__name__}: {error}")


def history(folder: Path) -> list[Path]:
    """The ``metrics.csv`` of a run and, before it, of those that it continued, as far as the files are still there."""
    found = [folder / "metrics.csv"]
    while (config := folder / "config.yaml").is_file():
        checkpoint = yaml.safe_load(config.read_text(encoding="utf-8")).get("ckpt_path")
        folder = Path(checkpoint or "").parent.parent
        if not checkpoint or not (folder / "metrics.csv").is_file() or folder / "metrics.csv" in found:
            break
        found.insert(0, folder / "metrics.csv")
    return found


def plot_curves(metrics_csv: Sequence[Path], out: Path) -> None:
    """Draw losses (``loss/*``), validation scores (``val/*``) and ``images_per_second`` against images seen.

    Panels without data are left out; with no data at all, or no file, nothing is written. Without an ``images_seen``
    column the x axis is ``step``.

    Args:
        metrics_csv: As Lightning's ``CSVLogger`` writes it: one row per logged step, blank where not logged. Of several
            files each continues those before it: their rows from its first step on do not count.
        out: The PNG; replaced in one piece.
    """
    columns = _joined([_read(file) for file in metrics_csv])
    images = columns.get("images_seen", [])
    panels = {
        "loss": [name for name in columns if name.startswith("loss/")],
        "validation": [name for name in columns if name.startswith("val/") and name != DIVERSITY],
        "diversity": [name for name in columns if name == DIVERSITY],
        "images per second": [name for name in columns if name == "images_per_second"],
    }
    panels = {title: sorted(names) for title, names in panels.items() if names}
    if not panels:
        return
    curves = {name: _place(columns[name], images) for names in panels.values() for name in names}
    last = max(x for points in curves.values() for x, _ in points)
    unit = 1000 if last >= 10_000 else 1

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.6 + 2.4 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for ax, (title, names) in zip(axes, panels.items(), strict=True):
        for name in names:
            x, y = zip(*curves[name], strict=True)
            few = len(x) <= 40
            label = name.partition("/")[2]
            ax.plot([v / unit for v in x], y, marker="o" if few else "", markersize=3, linewidth=1, label=label)
        ax.set_ylabel(title)
        ax.grid(alpha=0.3)
        if names == ["images_per_second"]:
            ax.set_ylim(bottom=0)
        else:
            ax.legend()
    ax.set_xlabel(("images seen" if images else "step") + (" (thousands)" if unit > 1 else ""))

    temporary = out.with_name(f".{out.name}.tmp")
    with temporary.open("wb") as file:
        figure.savefig(file, format="png")
    os.replace(temporary, out)


def _joined(parts: list[dict[str, Points]]) -> dict[str, Points]:
    columns: dict[str, Points] = {}
    for part in parts:
        start = min((step for points in part.values() for step, _ in points), default=math.inf)
        columns = {name: [point for point in points if point[0] < start] for name, points in columns.items()}
        for name, points in part.items():
            columns[name] = columns.get(name, []) + points
    return {name: points for name, points in columns.items() if points}


def _read(metrics_csv: Path) -> dict[str, Points]:
    """Columns with at least one finite number, each as (step, value) where it was logged."""
    columns: dict[str, Points] = {}
    if not metrics_csv.is_file():
        return columns
    with metrics_csv.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = _number(row.pop("step", None))
            for name, text in row.items():
                value = _number(text)
                if step is not None and value is not None:
                    columns.setdefault(name, []).append((step, value))
    return columns


def _number(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _place(points: Points, images: Points) -> Points:
    """Put points given at steps at the images seen by then.

    Validation rows rarely fall on a step where ``images_seen`` was logged: between two such steps the count is
    interpolated, after the last one continued at the rate of the last interval.
    """
    if not images:
        return points
    import numpy as np

    known = dict([(0.0, 0.0), *sorted(images)])
    steps, seen = list(known), list(known.values())
    beyond = max(points)[0]
    if beyond > steps[-1] and len(steps) > 1:
        rate = (seen[-1] - seen[-2]) / (steps[-1] - steps[-2])
        seen.append(seen[-1] + rate * (beyond - steps[-1]))
        steps.append(beyond)
    at = np.interp([step for step, _ in points], steps, seen)
    return sorted((float(x), y) for x, (_, y) in zip(at, points, strict=True))
