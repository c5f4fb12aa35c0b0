"""The data module of datasets/labelled.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.labelled import LabelledData
from data_modules.datasets.labelled import split as split  # for data modules of one's own


class LabelledImages(LabelledData, ImageDataModule):
    """LabelledData for Lightning: the base of a data module of one's own."""
