"""The LSGAN of report 000 (section A5): the printed structure, and the 64 px instance that its pictures come from.

Printed is the one for 32x32 pictures of one channel: 1,049,729 and 98,113 parameters. Its results are 64x64 in colour:
3,533,059 and 99,937. Start values are PyTorch's.
"""

from itertools import pairwise

from torch import Tensor, nn

from lit_gans import checks
from lit_gans.kernels.upsampling import UpsampledConv2d
from lit_gans.networks.dcgan import KERAS, check_image_size
from lit_gans.networks.norms import NormName, norm_layer

# What the printed line makes of Keras's momentum 0.8: given as BatchNorm2d's second argument, it is the eps.
AS_PRINTED = {"momentum": 0.1, "eps": 0.8}


class LSGANGenerator(nn.Module):
    """Latent -> image: a dense layer to a quarter of the image's size, then twice upsampling and a convolution.

    Args:
        latent_dim: length of z.
        image_size: height and width of the image, a multiple of 4.
        channels: 3 for colour; 1 as printed.
        width: channels of the last hidden layer; the layers before it have twice as many.
        eps_as_printed: BatchNorm with eps 0.8 and momentum 0.1, as the report prints; else with what was meant, eps
            1e-3 and Keras's momentum 0.8 (torch: 0.2).

    Shapes:
        z (B, latent_dim) -> (B, channels, image_size, image_size) in [-1, 1]

    Raises:
        InputError: a size that is not possible.
    """

    def __init__(
        self,
        latent_dim: int = 100,
        image_size: int = 64,
        channels: int = 3,
        width: int = 64,
        eps_as_printed: bool = False,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(latent_dim=latent_dim, width=width)
        check_image_size(image_size)
        self.start = (image_size // 4, image_size // 4, 2 * width)
        self.dense = nn.Linear(latent_dim, 2 * width * (image_size // 4) ** 2)
        layers: list[nn.Module] = []
        for before, after in ((2 * width, 2 * width), (2 * width, width)):
            norm = norm_layer("batch", after, **(AS_PRINTED if eps_as_printed else KERAS))
            layers += [UpsampledConv2d(before, after, 3), norm, nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.to_image = nn.Conv2d(width, channels, 3, padding=1)
        self.output = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:
        # channels last, the layout that the layers behind it want; as the weights are random, the order is free
        x = self.dense(z).view(-1, *self.start).permute(0, 3, 1, 2)
        return self.output(self.to_image(self.layers(x)))


class LSGANDiscriminator(nn.Module):
    """Image -> one number, without a sigmoid: four convolutions of stride 2 and a dense layer.

    The normalization comes after activation and dropout, as printed; the first layer has none.

    Args:
        image_size: height and width of the image, a multiple of 4.
        channels: 3 for colour; 1 as printed.
        width: a quarter of it is the number of channels of the first layer; they double with each layer.
        eps_as_printed: as in the generator; without a meaning for a norm other than "batch".
        norm: a gradient penalty needs one other than "batch".
        dropout: probability that a whole channel is set to 0, in training.

    Shapes:
        image (B, channels, image_size, image_size) -> (B,)

    Raises:
        InputError: a size or norm that is not possible.
    """

    def __init__(
        self,
        image_size: int = 64,
        channels: int = 3,
        width: int = 64,
        eps_as_printed: bool = False,
        norm: NormName = "batch",
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        check_image_size(image_size)
        checks.number("dropout", dropout, at_least=0, below=1, hint="a share, such as 0.25")
        widths = [channels, *(max(1, width * 2**i // 4) for i in range(4))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            first = not layers
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1)]
            layers += [nn.LeakyReLU(0.2, inplace=True), nn.Dropout2d(dropout)]
            if not first:
                layers += [norm_layer(norm, after, **(AS_PRINTED if eps_as_printed else KERAS))]
        self.layers = nn.Sequential(*layers)
        self.to_logit = nn.Linear(widths[-1] * (-(-image_size // 16)) ** 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.to_logit(self.layers(image).flatten(1)).flatten()
