"""The conditional DCGAN of report 003 (NYCU DLP 2021 lab 7, section B1).

Layer for layer as reported, at any power-of-two size: at 64 px and `width=64` the generator has 5,221,067 and the
discriminator 2,870,081 parameters. The discriminator returns logits; the report's sigmoid is inside the loss.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.kernels.convolutions import ConvTranspose2d, FromVector, HalvingConv2d, ToPixel


class CDCGANGenerator(nn.Module):
    """Latent and condition -> image.

    Args:
        num_classes: length of the multi-hot condition.
        latent_dim: length of z.
        condition_dim: length of the embedded condition that is joined to z.
        image_size: 8, 16, 32, 64, ...: height and width of the image.
        width: channels of the last hidden layer; they double with each layer before it.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        z (B, latent_dim), condition (B, num_classes) -> (B, channels, image_size, image_size) in [-1, 1]
    """

    def __init__(
        self,
        num_classes: int = 24,
        latent_dim: int = 100,
        condition_dim: int = 200,
        image_size: int = 64,
        width: int = 64,
        channels: int = 3,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(num_classes=num_classes, latent_dim=latent_dim, condition_dim=condition_dim, width=width)
        self.embed = nn.Sequential(nn.Linear(num_classes, condition_dim), nn.ReLU())
        widths = [width * 2**i for i in reversed(range(doublings(image_size)))]
        layers: list[nn.Module] = []
        for before, after in pairwise([latent_dim + condition_dim, *widths]):
            # the report's first layer has stride 2 and no padding, which on a 1x1 input is this
            up = ConvTranspose2d(before, after, 4, stride=2, padding=1) if layers else FromVector(before, after, 4)
            layers += [up, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.to_rgb = ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1)
        init_last_layer(self.to_rgb)

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        return torch.tanh(self.to_rgb(self.layers(torch.cat([z, self.embed(condition)], dim=1))))


class CDCGANDiscriminator(nn.Module):
    """Image and condition -> one logit; the condition enters as one more image channel.

    Args:
        num_classes, image_size, width, channels: as in the generator; `width` is that of the first layer.

    Shapes:
        image (B, channels, image_size, image_size) in [-1, 1], condition (B, num_classes) -> logit (B,)
    """

    def __init__(self, num_classes: int = 24, image_size: int = 64, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        # the report leaves LeakyReLU at PyTorch's default slope 0.01
        self.plane = nn.Sequential(nn.Linear(num_classes, image_size**2), nn.LeakyReLU())
        widths = [width * 2**i for i in range(doublings(image_size))]
        layers: list[nn.Module] = []
        for before, after in pairwise([channels + 1, *widths]):
            layers += [HalvingConv2d(before, after), nn.BatchNorm2d(after), nn.LeakyReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.to_logit = ToPixel(widths[-1], 1, 4)
        init_last_layer(self.to_logit)

    def forward(self, image: Tensor, condition: Tensor) -> Tensor:
        plane = self.plane(condition).view(-1, 1, *image.shape[-2:])
        return self.to_logit(self.layers(torch.cat([image, plane], dim=1))).flatten()


def doublings(image_size: int) -> int:
    """Stride-2 layers between 4x4 and the image: 4 at 64 px.

    Raises:
        InputError: if the size is not a power of two of at least 8.
    """
    if checks.whole("image_size", image_size) < 8 or image_size & (image_size - 1):
        raise InputError(f"image_size is {image_size}; this network needs a power of two of at least 8, such as 64")
    return image_size.bit_length() - 3


def init_last_layer(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """N(0, 0.02) weights and zero bias: in the authors' code this init reaches the last layer alone (report 003, B1);
    all others keep PyTorch's defaults."""
    nn.init.normal_(layer.weight, 0.0, 0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
