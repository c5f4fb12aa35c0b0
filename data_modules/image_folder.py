"""The data module of datasets/image_folder.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.image_folder import ImageFolderData


class ImageFolder(ImageFolderData, ImageDataModule):
    """ImageFolderData for Lightning: the same options."""
