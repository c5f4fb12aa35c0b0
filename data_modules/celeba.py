"""The data module of datasets/celeba.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.celeba import CelebAData


class CelebA(CelebAData, ImageDataModule):
    """CelebAData for Lightning: the same options."""
