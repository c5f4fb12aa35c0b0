"""What makes a data set a data module."""

import lightning as L
from lightning.pytorch.utilities import rank_zero_info

from data_modules.datasets.base import ImageData


class ImageDataModule(ImageData, L.LightningDataModule):
    """A data set of plain torch for Lightning's Trainer, whose device and processes it goes by."""

    def tell(self, line: str) -> None:
        rank_zero_info(line)
