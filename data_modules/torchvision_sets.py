"""The data module of datasets/torchvision_sets.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.torchvision_sets import TorchvisionSetData


class TorchvisionSet(TorchvisionSetData, ImageDataModule):
    """TorchvisionSetData for Lightning: the same options."""
