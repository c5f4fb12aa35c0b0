"""The test of a model's pictures against real ones: the same for every model that draws."""

from typing import Any

from rich import print as rich_print
from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.face_count import SIDE, FaceReport
from lit_gans.metrics.quality import PictureQuality, quality_lines
from lit_gans.metrics.report import temperature_lines, write_report
from lit_gans.models.base import Batch, ImageModel
from lit_gans.models.extractors import load_extractor
from lit_gans.pictures import grid, save_png
from lit_gans.training.seeding import batch_seed


class AgainstReal(ImageModel):
    """Mixin: a test that draws a picture for each real one and tells how near and how diverse they are, and how many
    faces there are; a 5x5 grid, and `scores.json`.

    Extractor, detector and real pictures lie outside of the module's parameters and checkpoint.

    Hyperparameters that the model hands to `set_comparison`:
        extractor: what pictures are compared in, see models/extractors.py: a name or a file.
        face_cascade: file of the face detector; None: no faces are counted.
        draw_seed: of the noise of a test.
        weights: "ema" or "raw", which generator is tested.
    """

    temperature: float

    def set_comparison(self, extractor: str, face_cascade: str | None, draw_seed: int, weights: str) -> None:
        if weights not in ("ema", "raw"):
            raise InputError(f"weights is {weights!r}; expected 'ema' or 'raw'")
        self.extractor = extractor
        self.face_cascade = face_cascade
        self.draw_seed = draw_seed
        self.weights = weights
        self.compared: PictureQuality | None = None
        self.faces: FaceReport | None = None
        self.report: dict[str, Any] = {}

    def preview(self, batch: Batch, seed: int) -> Tensor:
        """As many pictures as the batch asks for, (B, 3, H, W) in [-1, 1]."""
        raise TypeError(f"{type(self).__name__} does not say how it draws pictures")

    def on_test_start(self) -> None:
        if self.trainer.world_size > 1:
            raise InputError(f"a test runs on one device, not {self.trainer.world_size}: give --trainer.devices 1")
        # before anything is drawn: a wrong file is known at once
        self.faces = FaceReport(self.face_cascade) if self.face_cascade is not None else None
        self.compared = PictureQuality(load_extractor(self.extractor))
        self.report = {}

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Compares a batch of real pictures with as many drawn ones."""
        assert self.compared is not None
        pictures = self.preview(batch, batch_seed(self.draw_seed, batch_idx))
        self.compared.update(batch["image"], real=True)
        self.compared.update(pictures, real=False)
        if self.faces is not None:
            self.faces.update(pictures)
        if batch_idx == 0:
            save_png(grid(pictures[: SIDE**2], per_row=SIDE), self.log_dir / "samples.png")

    def on_test_epoch_end(self) -> None:
        assert self.compared is not None
        quality = self.compared.compute()
        lines = quality_lines(quality)
        self.report["quality"] = quality
        if self.faces is not None:
            self.report["face_count"], line = self.faces.compute()
            lines.append(line)
        lines += self.more_lines() + temperature_lines(self.temperature)
        self.report |= {
            "weights": self.weights,
            "draw_seed": self.draw_seed,
            "temperature": self.temperature,
            "checkpoint": str(self.trainer.ckpt_path or ""),
            "images_seen": self.images_seen,
        }
        write_report(self.log_dir / "scores.json", self.report)
        for line in lines:
            rich_print(line)
        rich_print(f"wrote {self.log_dir / 'scores.json'} and samples.png")

    def more_lines(self) -> list[str]:
        """What a model adds to the report, as lines to print; it puts the values into `report`."""
        return []
