"""The DCGAN of report 000 (NTU MLDS 2018 homework 3, section A2), and its Model 1 of tip 5 (A6).

Layer for layer as reported at 64 px and `width=64`. Counted as Keras does, with the running statistics, the generator
has 3,706,819 parameters and the discriminator 712,673; of Model 1 they have 3,706,819 and 692,193. The discriminator
returns logits; the report's sigmoid is inside the loss.

Keras's BatchNorm momentum 0.8 and default epsilon 1e-3 are torch's momentum 0.2 and eps 1e-3. The report states no
slope of the LeakyReLU: 0.2, as in its other networks. Start values are Keras's: Glorot uniform, zero biases.
"""

from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor, nn

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.kernels.upsampling import UpsampledConv2d, UpsampledConvTranspose2d
from lit_gans.networks.noise_layers import SteadyDropout, TrainingNoise
from lit_gans.networks.norms import NormName, norm_layer
from lit_gans.networks.same import SameConv2d, SameConvTranspose2d

# Of report 000, A6: 1 has ReLU and max pooling (without tip 5), 2 is the DCGAN (with tip 5).
ReportModel = Literal[1, 2]
OutputName = Literal["tanh", "linear"]
KERAS = {"momentum": 0.2, "eps": 1e-3}


class DCGANGenerator(nn.Module):
    """Latent -> image: a dense layer to a quarter of the image's size, then twice upsampling and a convolution.

    Args:
        latent_dim: length of z.
        image_size: height and width of the image, a multiple of 4.
        width: channels of the last hidden layer; the layers before it have twice as many.
        report_model: 2, or 1 for convolutions instead of transposed ones and ReLU instead of LeakyReLU (tip 5).
        output: "tanh", or "linear" for images that are not in [-1, 1] (tip 1).
        generator_dropout: share of the hidden values set to 0, in training and testing (tip 17).
        generator_noise: standard deviation of the noise added to every hidden layer in training (tip 13).
        channels: of the images: 3, or 1 for grey.

    Shapes:
        z (B, latent_dim) -> (B, channels, image_size, image_size), in [-1, 1] with "tanh"

    Raises:
        InputError: a size, model or output that is not possible.
    """

    def __init__(
        self,
        latent_dim: int = 100,
        image_size: int = 64,
        width: int = 64,
        report_model: ReportModel = 2,
        output: OutputName = "tanh",
        generator_dropout: float = 0.0,
        generator_noise: float = 0.0,
        channels: int = 3,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(latent_dim=latent_dim, width=width)
        check_image_size(image_size)
        checks.choice("output", output, get_args(OutputName))
        self.start = (image_size // 4, image_size // 4, 2 * width)
        self.dense = nn.Linear(latent_dim, 2 * width * (image_size // 4) ** 2)
        self.hidden = nn.Sequential(nn.ReLU(inplace=True), TrainingNoise(generator_noise))
        upsampled = UpsampledConvTranspose2d if with_tip_5(report_model) else UpsampledConv2d
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    upsampled(before, after, 4),
                    norm_layer("batch", after, **KERAS),
                    activation(report_model),
                    SteadyDropout(generator_dropout),
                    TrainingNoise(generator_noise),
                )
                for before, after in ((2 * width, 2 * width), (2 * width, width))
            )
        )
        self.to_rgb = (SameConvTranspose2d if with_tip_5(report_model) else SameConv2d)(width, channels, 4)
        self.output = nn.Tanh() if output == "tanh" else nn.Identity()
        init_as_keras(self)

    def forward(self, z: Tensor) -> Tensor:
        # Keras's reshape: channels last, which is also the layout that the layers behind it want
        x = self.hidden(self.dense(z)).view(-1, *self.start).permute(0, 3, 1, 2)
        return self.output(self.to_rgb(self.layers(x)))


class DCGANDiscriminator(nn.Module):
    """Image -> one logit: four convolutions, three of them with stride 2, and a dense layer.

    Args:
        image_size: height and width of the image, a multiple of 4.
        width: channels of the second layer; the first has half as many, the others twice and four times.
        report_model: 2, or 1 for ReLU and max pooling (tip 5).
        norm: of all convolutions but the first; a gradient penalty needs one other than "batch" (tip 4).
        dropout: probability, in training.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        image (B, channels, image_size, image_size) -> logit (B,)

    Raises:
        InputError: a size, model or norm that is not possible.
    """

    def __init__(
        self,
        image_size: int = 64,
        width: int = 64,
        report_model: ReportModel = 2,
        norm: NormName = "batch",
        dropout: float = 0.25,
        channels: int = 3,
    ) -> None:
        super().__init__()
        check_image_size(image_size)
        checks.number("dropout", dropout, at_least=0, below=1, hint="a share, such as 0.25")
        tip_5 = with_tip_5(report_model)
        widths = [channels, max(1, width // 2), width, 2 * width, 4 * width]
        self.layers = nn.Sequential()
        for i, (before, after) in enumerate(pairwise(widths)):
            block: list[nn.Module] = [SameConv2d(before, after, 4, stride=2 if i < 3 else 1)]
            if i == 1 and tip_5:
                block += [nn.ZeroPad2d((0, 1, 0, 1))]  # right and bottom
            if i > 0:
                block += [norm_layer(norm, after, **KERAS)]
            block += [activation(report_model)]
            if i > 0 and not tip_5:
                block += [nn.MaxPool2d(2, ceil_mode=True)]  # no difference at 64 px; smaller images keep one pixel
            self.layers.append(nn.Sequential(*block, nn.Dropout(dropout)))
        side = (image_size // 4 + 2) // 2 if tip_5 else -(-image_size // 64)
        self.to_logit = nn.Linear(widths[-1] * side**2, 1)
        init_as_keras(self)

    def forward(self, image: Tensor) -> Tensor:
        return self.to_logit(self.layers(image).flatten(1)).flatten()


def with_tip_5(report_model: ReportModel) -> bool:
    """Raises InputError: if it is neither model."""
    if report_model not in get_args(ReportModel):
        raise InputError(f"report_model is {report_model!r}; expected 1 (ReLU, max pooling) or 2 (tip 5: without them)")
    return report_model == 2


def activation(report_model: ReportModel) -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True) if with_tip_5(report_model) else nn.ReLU(inplace=True)


def check_image_size(image_size: int) -> None:
    """Raises InputError: if the size is no multiple of 4, or below 8."""
    if checks.whole("image_size", image_size) < 8 or image_size % 4:
        raise InputError(f"image_size is {image_size}; this network needs a multiple of 4 of at least 8, such as 64")


def init_as_keras(network: nn.Module) -> None:
    """Glorot uniform weights and zero biases in every dense and convolutional layer."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
