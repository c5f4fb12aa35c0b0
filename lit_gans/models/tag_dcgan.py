"""The tag-conditional DCGAN of report 000 as a LightningModule."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lit_gans.errors import InputError
from lit_gans.metrics.extractors import RANDOM_CONV
from lit_gans.metrics.tag_accuracy import TagAccuracy
from lit_gans.models.against_real import AgainstReal
from lit_gans.models.base import Batch
from lit_gans.models.conditional import HELD_OUT
from lit_gans.models.multi_label import MultiLabelGAN
from lit_gans.networks.norms import NormName
from lit_gans.networks.tag_dcgan import TagDCGANDiscriminator, TagDCGANGenerator
from lit_gans.pictures import grid, save_png


class TagDCGAN(MultiLabelGAN, AgainstReal):
    """Faces with the asked hair and eye colour: binary cross-entropy, Adam 2e-4 with beta1 0.5.

    A test compares with real faces (see AgainstReal) and, given a tag classifier, tells for each list of tags in how
    many of its pictures the classifier sees the asked colours, beside what it sees in real pictures that it was not
    trained on (if it was trained with the same data seed and `val_fraction`).

    Args:
        num_classes: length of the tag vector.
        class_names: name of each tag, in the order of the vector: "orange hair", ..., "blue eyes".
        image_size: 8, 16, 32, 64, ...
        latent_dim: length of z.
        width: channels next to the image, in both networks.
        norm: of the discriminator: "batch", "instance", "layer" or "none".
        evaluator: file or files of a tag classifier (lit_gans.Evaluator); None: no accuracy.
        draws: sets of pictures for each list of tags in a test.
        draw_seed: the draws use the seeds draw_seed, draw_seed + 1, ...
        extractor, face_cascade, weights: see AgainstReal.
        training: the hyperparameters of MultiLabelGAN and GAN: wrong_labels, objective, schedule, lr_generator, ...
    """

    def __init__(
        self,
        num_classes: int = 23,
        class_names: Sequence[str] | None = None,
        image_size: int = 64,
        latent_dim: int = 100,
        width: int = 64,
        norm: NormName = "batch",
        evaluator: str | Sequence[str] | None = None,
        draws: int = 10,
        draw_seed: int = 0,
        extractor: str = RANDOM_CONV,
        face_cascade: str | None = None,
        weights: str = "ema",
        **training: Any,
    ) -> None:
        super().__init__(
            TagDCGANGenerator(num_classes, latent_dim, image_size, width),
            TagDCGANDiscriminator(num_classes, image_size, width, norm),
            latent_dim=latent_dim,
            **training,
        )
        self.save_hyperparameters()
        self.set_scoring(num_classes, class_names, evaluator, draws, draw_seed, weights)
        self.set_comparison(extractor, face_cascade, draw_seed, weights)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        if "condition" not in batch:
            raise InputError("this model learns from tags, and the data has none: give --data.tags tags.csv")

    def on_test_start(self) -> None:
        AgainstReal.on_test_start(self)
        if self.evaluator_files and self.class_names is None:
            raise InputError("this model was trained without class_names; its tags have no accuracy")
        self.load_evaluators()
        self.tag_accuracy = TagAccuracy(self.class_names or (), one_set=[HELD_OUT])

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        if batch["name"] == "real":
            AgainstReal.test_step(self, batch, batch_idx)
        elif "image" in batch:
            self.judge_tags(batch["name"], batch["image"], batch["condition"])
        else:
            for seed in self.seeds:
                pictures = self.preview(batch, seed)
                self.judge_tags(batch["name"], pictures, batch["condition"])
                if seed == self.seeds[0]:
                    per_row = 5 if len(pictures) <= 25 else 11
                    save_png(grid(pictures, per_row=per_row), self.log_dir / f"{batch['name']}.png")

    def judge_tags(self, name: str, images: Tensor, condition: Tensor) -> None:
        """Notes in how many of these images each classifier sees what is asked."""
        for evaluator in self.evaluators:
            self.tag_accuracy.update(name, evaluator.name, evaluator(images), condition)

    def on_test_epoch_end(self) -> None:
        AgainstReal.on_test_epoch_end(self)

    def more_lines(self) -> list[str]:
        accuracy, lines = self.tag_accuracy.compute()
        if accuracy:
            self.report["tag_accuracy"] = accuracy
            self.report["evaluators"] = {evaluator.name: evaluator.sha256 for evaluator in self.evaluators}
        return lines
