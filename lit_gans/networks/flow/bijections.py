"""Invertible maps of pictures, and those of them that know no condition.

Written from the mathematics of NICE, RealNVP and Glow (Dinh et al. 2014 and 2017, Kingma and Dhariwal 2018). What maps
the picture itself runs in the weights' own precision, also under autocast.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pixel_shuffle, pixel_unshuffle
from torch.utils.checkpoint import checkpoint


class Guided(NamedTuple):
    """Features with and without the label, for an inverse pass under classifier-free guidance.

    Each Gaussian p that a layer predicts becomes p ** (1 + weight) / q ** weight, q being that without the label; see
    `affine.guided`.
    """

    labelled: Tensor
    unlabelled: Tensor
    weight: float


# What a layer may know beside the picture: (B, channels, H, W) at the picture's own size.
Features = Tensor | Guided


class Bijection(nn.Module, ABC):
    """z = f(x; u), invertible in x for every u."""

    @abstractmethod
    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) -> z, and log |det dz/dx| (B,)."""

    @abstractmethod
    def inverse(self, z: Tensor, u: Features) -> Tensor:
        """The x that forward maps to z."""

    def initialize(self, x: Tensor, u: Features) -> Tensor:
        """Sets what is to be set from data, given the first batch; returns z."""
        return self(x, u)[0]


class Chain(Bijection):
    """One bijection after the other.

    Args:
        recompute: keep nothing of a forward pass but its input, and compute the rest again for the backward pass: one
            more forward pass in training, for the memory of one chain instead of all.
    """

    def __init__(self, parts: Sequence[Bijection], recompute: bool = False) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.recompute = recompute

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        if self.recompute and torch.is_grad_enabled():
            # no bijection draws random numbers
            return checkpoint(self.through, x, u, use_reentrant=False, preserve_rng_state=False)
        return self.through(x, u)

    def through(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(x.shape[0])
        for part in self.parts:
            x, logdet = part(x, u)
            total = total + logdet
        return x, total

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        for part in reversed(self.parts):
            z = part.inverse(z, u)  # type: ignore[operator]
        return z

    def initialize(self, x: Tensor, u: Features) -> Tensor:
        for part in self.parts:
            x = part.initialize(x, u)  # type: ignore[operator]
        return x


class Squeeze(Bijection):
    """2x2 pixels -> 4 channels: (B, C, H, W) -> (B, 4C, H/2, W/2)."""

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        return pixel_unshuffle(x, 2), x.new_zeros(x.shape[0])

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        return pixel_shuffle(z, 2)


class ActNorm(Bijection):
    """(x - mean) * exp(-log_scale), a mean and a log-scale a channel; the identity until it is initialised.

    `initialize` gives each channel of the first batch mean 0 and standard deviation 1, over all processes. The flag is
    part of the state dict: a loaded layer is not initialised again.
    """

    # of a channel that is constant
    SMALLEST_STD = 1e-4
    initialized: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.register_buffer("initialized", torch.tensor(False))

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        logdet = -self.log_scale.sum() * (x.shape[2] * x.shape[3])
        return (x - self.mean) * torch.exp(-self.log_scale), logdet.expand(x.shape[0])

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        return z * torch.exp(self.log_scale) + self.mean

    @torch.no_grad()
    def initialize(self, x: Tensor, u: Features) -> Tensor:
        """Raises RuntimeError: in eval mode; data that a model is only used on must not change it."""
        if not self.training:
            raise RuntimeError("ActNorm is initialised from training data, and this network is in eval mode")
        if not self.initialized:
            mean, std = channel_statistics(x)
            self.mean.copy_(mean.view(-1, 1, 1))
            self.log_scale.copy_(std.clamp(min=self.SMALLEST_STD).log().view(-1, 1, 1))
            self.initialized.fill_(True)
        return super().initialize(x, u)


class InvertibleConv(Bijection):
    """z = W x for each pixel, W = P L (U + diag(s)) (Glow, section 3.2): it starts as a random rotation.

    P is a fixed permutation, L and U are triangular, and s keeps its signs: log |det W| is the sum of log |s|, and W
    can never become singular.
    """

    order: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))
        permutation, lower, upper = torch.linalg.lu(rotation)
        scale = upper.diagonal()
        self.lower = nn.Parameter(lower.tril(-1).float())
        self.upper = nn.Parameter(upper.triu(1).float())
        self.log_scale = nn.Parameter(scale.abs().log().float())
        self.register_buffer("sign", scale.sign().float())
        self.register_buffer("order", permutation.argmax(dim=1))  # P m = m[order]
        self.known_inverse: tuple[Hashable, Tensor] | None = None

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        logdet = self.log_scale.sum() * (x.shape[2] * x.shape[3])
        return each_pixel(self.matrix(), x), logdet.expand(x.shape[0])

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        return each_pixel(self.inverse_matrix().to(z.dtype), z)

    def matrix(self) -> Tensor:
        """W, (channels, channels)."""
        with torch.autocast(self.lower.device.type, enabled=False):
            lower, upper = self.triangles()
            return (lower @ upper)[self.order]

    def inverse_matrix(self) -> Tensor:
        """W^-1, (channels, channels) in float64, so that the only rounding is that of the product with z."""
        # the versions of an inference tensor are not counted either
        changes_unseen = self.lower.requires_grad or self.lower.is_inference()
        return self.solved() if changes_unseen else self.kept()

    def solved(self) -> Tensor:
        """W^-1 from L and U."""
        lower, upper = (triangle.double() for triangle in self.triangles())
        permutation = torch.eye(len(lower), dtype=lower.dtype, device=lower.device)[self.order]
        half = torch.linalg.solve_triangular(lower, permutation.T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, half, upper=True)

    def kept(self) -> Tensor:
        """W^-1 of frozen weights, from the last time if they have not changed since: all draws of an averaged flow
        solve it once.

        A change in place counts a tensor's version up, and every other change gives it other memory. Fused optimizers
        do not count: hence frozen weights alone.
        """
        weights = (self.lower, self.upper, self.log_scale)
        state = tuple((weight._version, weight.data_ptr()) for weight in weights)
        if self.known_inverse is None or self.known_inverse[0] != state:
            self.known_inverse = (state, self.solved())
        return self.known_inverse[1]

    def triangles(self) -> tuple[Tensor, Tensor]:
        """L, and U + diag(s)."""
        diagonal = torch.diag(self.sign * torch.exp(self.log_scale))
        identity = torch.eye(len(self.sign), dtype=self.sign.dtype, device=self.sign.device)
        return self.lower.tril(-1) + identity, self.upper.triu(1) + diagonal


class Mixing(Bijection):
    """InvertibleConv after ActNorm, as one map of each pixel: both are affine in it.

    Two passes over the picture less, and the gradients of the ActNorm come from small matrices: 5 % of the time of a
    training step (measured, CPU).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ActNorm(channels)
        self.conv = InvertibleConv(channels)

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        matrix = self.conv.matrix() * torch.exp(-self.norm.log_scale).view(1, -1)
        logdet = (self.conv.log_scale.sum() - self.norm.log_scale.sum()) * (x.shape[2] * x.shape[3])
        return each_pixel(matrix, x, -(matrix * self.norm.mean.view(1, -1)).sum(1)), logdet.expand(x.shape[0])

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        matrix = torch.exp(self.norm.log_scale.double()).view(-1, 1) * self.conv.inverse_matrix()
        return each_pixel(matrix.to(z.dtype), z, self.norm.mean.view(-1))

    def initialize(self, x: Tensor, u: Features) -> Tensor:
        return self.conv.initialize(self.norm.initialize(x, u), u)


def each_pixel(matrix: Tensor, x: Tensor, shift: Tensor | None = None) -> Tensor:
    """The matrix times the channels of each pixel of (B, C, H, W), plus the shift (C,)."""
    with torch.autocast(x.device.type, enabled=False):
        return conv2d(x, matrix[:, :, None, None], shift)


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (C,) of each channel of (B, C, H, W), over the batches of all processes; float64,
    and the same bits in each process."""
    x = x.double()
    count = torch.full_like(x[0, :, 0, 0], x.numel() / x.shape[1])
    sums = over_processes(torch.stack([x.sum((0, 2, 3)), count]))
    mean = sums[0] / sums[1]
    deviations = over_processes((x - mean.view(1, -1, 1, 1)).square().sum((0, 2, 3)))
    return mean, (deviations / sums[1]).sqrt()


def over_processes(x: Tensor) -> Tensor:
    """The sum of x over all processes of a distributed run."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(x)
    return x
