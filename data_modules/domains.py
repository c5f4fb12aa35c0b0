"""The data module of datasets/domains.py."""

from data_modules.base import ImageDataModule
from data_modules.datasets.domains import DomainsData


class Domains(DomainsData, ImageDataModule):
    """DomainsData for Lightning: the same options."""
