"""Images as a discriminator gets to see them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lit_gans import checks
from lit_gans.training.augment import AugmentName, augment, checked_augmentations


class AugmentPipe:
    """Changes and noise on the images of a discriminator, real and generated alike; both depend on how much of the run
    is done, see `at`.

    Args:
        names, share, until: GAN's augment, augment_share and augment_until.
        noise: GAN's input_noise.

    Attributes:
        share_now, noise_now: share of the images that are changed, and the noise's standard deviation.

    Raises:
        InputError: a value that is not possible.
    """

    def __init__(self, names: Sequence[AugmentName] | None, share: float, until: float, noise: float) -> None:
        self.names = checked_augmentations(names)
        self.share = self.share_now = checks.share("augment_share", share)
        self.until = checks.share("augment_until", until)
        self.noise = checks.number("input_noise", noise, at_least=0, hint="0.1; 0 for none")
        self.noise_now = 0.0

    def at(self, progress: float) -> None:
        """From here on as it is at this share of the run: noise that falls linearly to 0, changes until their end."""
        self.noise_now = self.noise * (1 - progress)
        self.share_now = self.share if progress < self.until else 0.0

    def scheduled_options(self) -> list[str]:
        """Hyperparameters in use whose meaning depends on the length of the run."""
        used = {"input_noise": self.noise > 0, "augment_until": self.until < 1}
        return [name for name, is_used in used.items() if is_used]

    def __call__(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> same."""
        return with_noise(augment(image, self.names, self.share_now), self.noise_now)


def with_noise(image: Tensor, deviation: float) -> Tensor:
    """Images plus Gaussian noise of this standard deviation (tip 13)."""
    return image + deviation * torch.randn_like(image) if deviation else image
