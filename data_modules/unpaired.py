"""The data module of datasets/unpaired.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.unpaired import UnpairedData


class Unpaired(UnpairedData, ImageDataModule):
    """UnpairedData for Lightning: the same options."""
