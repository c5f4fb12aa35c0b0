"""The tag-conditional DCGAN of report 000 (section A4).

Layer for layer as reported, at any power-of-two size: at 64 px and `width=64` the generator has 3,766,083 and the
discriminator 7,143,105 parameters. The discriminator returns logits; the report's sigmoid is inside the loss. Start
values are PyTorch's.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.kernels.convolutions import ConvTranspose2d, FromVector, HalvingConv2d, ToPixel
from lit_gans.networks.cdcgan import doublings
from lit_gans.networks.norms import NormName, norm_layer


class TagDCGANGenerator(nn.Module):
    """Latent and tags -> image; the tags are joined after z.

    Args:
        num_classes: length of the tag vector.
        latent_dim: length of z.
        image_size: 8, 16, 32, 64, ...: height and width of the image.
        width: channels of the last hidden layer; they double with each layer before it.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        z (B, latent_dim), tags (B, num_classes) -> (B, channels, image_size, image_size) in [-1, 1]
    """

    def __init__(
        self, num_classes: int = 23, latent_dim: int = 100, image_size: int = 64, width: int = 64, channels: int = 3
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(num_classes=num_classes, latent_dim=latent_dim, width=width)
        widths = [width * 2**i for i in reversed(range(doublings(image_size)))]
        layers: list[nn.Module] = []
        for before, after in pairwise([latent_dim + num_classes, *widths]):
            up = ConvTranspose2d(before, after, 4, stride=2, padding=1) if layers else FromVector(before, after, 4)
            layers += [up, nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.to_rgb = ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1)

    def forward(self, z: Tensor, tags: Tensor) -> Tensor:
        return torch.tanh(self.to_rgb(self.layers(torch.cat([z, tags], dim=1))))


class TagDCGANDiscriminator(nn.Module):
    """Image and tags -> one logit; the tags are tiled over the 4x4 features before the last convolution.

    Args:
        num_classes, image_size, width, channels: as in the generator; `width` is that of the first layer.
        norm: of all convolutions but the first; a gradient penalty needs one other than "batch".

    Shapes:
        image (B, channels, image_size, image_size) in [-1, 1], tags (B, num_classes) -> logit (B,)
    """

    def __init__(
        self,
        num_classes: int = 23,
        image_size: int = 64,
        width: int = 64,
        norm: NormName = "batch",
        channels: int = 3,
    ) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(doublings(image_size))]
        layers: list[nn.Module] = []
        for before, after in pairwise([channels, *widths]):
            normalized = [norm_layer(norm, after)] if layers else []
            layers += [HalvingConv2d(before, after), *normalized, nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        # one pixel is left behind this convolution: an instance norm would make it 0
        last_norm = norm_layer("none" if norm == "instance" else norm, widths[-1])
        self.join = nn.Sequential(
            ToPixel(widths[-1] + num_classes, widths[-1], 4), last_norm, nn.LeakyReLU(0.2, inplace=True)
        )
        self.to_logit = nn.Linear(widths[-1], 1)

    def forward(self, image: Tensor, tags: Tensor) -> Tensor:
        features = self.layers(image)
        tiled = tags[:, :, None, None].expand(-1, -1, *features.shape[-2:]).to(features.dtype)
        return self.to_logit(self.join(torch.cat([features, tiled], dim=1)).flatten(1)).flatten()
