"""The data module of datasets/iclevr.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.iclevr import ICLEVRData


class ICLEVR(ICLEVRData, ImageDataModule):
    """ICLEVRData for Lightning: the same options."""
