"""Discriminators without norms: one of pictures alone, and one that is told their classes and names them itself."""

from itertools import pairwise

from torch import Tensor, nn

from lit_gans import checks
from lit_gans.kernels.convolutions import HalvingConv2d, ToPixel
from lit_gans.networks.cdcgan import doublings


class StridedDiscriminator(nn.Module):
    """Image -> one logit, by convolutions of stride 2.

    No normalisation: each logit is a function of its own image, as gradient penalties need it.

    Args:
        image_size: 8, 16, 32, 64, ...
        width: channels of the first layer; they double with each layer.
        feature_dim: length of the features.
        channels: of the images: 3, or 1 for grey.
    """

    def __init__(self, image_size: int = 64, width: int = 64, feature_dim: int = 256, channels: int = 3) -> None:
        super().__init__()
        checks.counts(discriminator_width=width)
        widths = [channels, *(width * 2**i for i in range(doublings(image_size)))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [HalvingConv2d(before, after), nn.LeakyReLU(0.2)]
        layers += [ToPixel(widths[-1], feature_dim, 4), nn.LeakyReLU(0.2), nn.Flatten()]
        self.features = nn.Sequential(*layers)
        self.to_logit = nn.Linear(feature_dim, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(B, channels, H, W) in [-1, 1] -> logit (B,)."""
        return self.to_logit(self.features(image)).squeeze(1)


class ProjectionDiscriminator(StridedDiscriminator):
    """Image and condition -> one logit, and one logit a class.

    The condition enters as the inner product of the sum of its classes' embeddings with the picture's features
    (Miyato and Koyama 2018); an auxiliary head tells the classes from the same features (Odena et al. 2017), for
    several labels at once.

    Args:
        num_classes: length of the multi-hot condition.
        image_size, width, feature_dim, channels: see StridedDiscriminator.
    """

    def __init__(
        self, num_classes: int = 24, image_size: int = 64, width: int = 64, feature_dim: int = 256, channels: int = 3
    ) -> None:
        super().__init__(image_size, width, feature_dim, channels)
        checks.counts(num_classes=num_classes)
        self.embed = nn.Linear(num_classes, feature_dim, bias=False)
        self.classify = nn.Linear(feature_dim, num_classes)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        """(B, channels, H, W) in [-1, 1], (B, num_classes) -> logit (B,)."""
        return self.judge(image, condition)[0]

    def judge(self, image: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """The logit (B,), and the logits of the classes (B, num_classes), which do not see the condition."""
        features = self.features(image)
        logit = self.to_logit(features).squeeze(1) + (features * self.embed(condition)).sum(dim=1)
        return logit, self.classify(features)
