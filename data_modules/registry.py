"""Every data module of the package, by name. A new one is entered here."""

# Name of the class -> its module. `--data NAME` goes by it.
DATA_MODULES = {
    "AnimeFaces": "data_modules.anime_faces",
    "CelebA": "data_modules.celeba",
    "Domains": "data_modules.domains",
    "ICLEVR": "data_modules.iclevr",
    "ImageFolder": "data_modules.image_folder",
    "TorchvisionSet": "data_modules.torchvision_sets",
    "Unpaired": "data_modules.unpaired",
}
