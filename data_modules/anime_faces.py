"""The data module of datasets/anime_faces.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.anime_faces import AnimeFacesData


class AnimeFaces(AnimeFacesData, ImageDataModule):
    """AnimeFacesData for Lightning: the same options."""
