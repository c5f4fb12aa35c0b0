"""What the condition does in the flow: it predicts mean and log-scale of a map that whitens values.

Injector, coupling, the priors of the splits and the last prior are this one map with other inputs,
(x - mean) * exp(log_scale). The log-scale is bounded by a tanh, and both directions multiply: with scales from a
sigmoid fp32 reconstructions were 1000 times worse (measured at 64 px, 48 steps), and a division by them ends in NaN.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu

from lit_gans.networks.flow.bijections import Bijection, Features, Guided

# Of log-scales inside of a step, where many multiply; and in priors, of which each value meets one.
BOUND = 1.0
PRIOR_BOUND = 3.0


class Prediction(nn.Module):
    """Mean and log-scale of `values` channels from features and, where there are any, known channels.

    Starts at mean 0 and log-scale 0 for every input. Its convolutions may run in bf16; what it returns has the
    weights' own precision. Hardswish and LeakyReLU would save 7 % of a training step on a CPU and did a little worse
    after as many images (docs/log/2026-11-28-throughput.md).

    Args:
        known: channels of the picture that it sees; 0 for a prediction from the features alone, pixel by pixel.
        features: channels of u.
        hidden: channels of its hidden layers.
        values: channels that it predicts.
        bound: the log-scale lies in (-bound, bound).
    """

    def __init__(self, known: int, features: int, hidden: int, values: int, bound: float = BOUND) -> None:
        super().__init__()
        self.bound = bound
        self.from_features = nn.Conv2d(features, hidden, 1)
        self.from_known = nn.Conv2d(known, hidden, 3, padding=1, bias=False) if known else None
        self.mix = nn.Conv2d(hidden, hidden, 1) if known else None
        self.last = nn.Conv2d(hidden, 2 * values, 3, padding=1) if known else nn.Conv2d(hidden, 2 * values, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, known: Tensor | None, u: Features) -> tuple[Tensor, Tensor]:
        if isinstance(u, Guided):
            return guided(self(known, u.labelled), self(known, u.unlabelled), u.weight)
        mean, unbounded = self.unbounded(known, u).to(self.last.weight.dtype).chunk(2, dim=1)
        return mean, within(unbounded, self.bound)

    def unbounded(self, known: Tensor | None, u: Features) -> Tensor:
        """(B, 2 * values, H, W): mean, and what `within` makes the log-scale of, in the precision of convolutions."""
        assert isinstance(u, Tensor)
        hidden = self.from_features(u)
        if self.from_known is not None and self.mix is not None:
            hidden += self.from_known(known)  # in place: one tensor of the hidden layer's size less
            hidden = self.mix(silu(hidden))
        prediction: Tensor = self.last(silu(hidden))
        return prediction


def guided(labelled: tuple[Tensor, Tensor], unlabelled: tuple[Tensor, Tensor], weight: float) -> tuple[Tensor, Tensor]:
    """Mean and log-scale of the Gaussian p ** (1 + weight) / q ** weight, of p with the label and q without it.

    With q narrower than p there may be none: q is then taken to be as wide (STARFlow: Gu et al. 2025, arXiv
    2506.06276). Moving mean and log-scale away from those of q in a straight line draws fewer of the asked objects at
    every weight above 1/2 (measured on iCLEVR).

    Args:
        labelled, unlabelled: mean and log-scale of p and q; the standard deviation is exp(-log_scale).
    """
    (mean, log_scale), (other_mean, other_log_scale) = labelled, unlabelled
    share = torch.exp(2 * (other_log_scale - log_scale)).clamp(max=1)  # of the variances of p and q
    precision = 1 + weight - weight * share  # in those of p, at least 1
    mean = ((1 + weight) * mean - weight * share * other_mean) / precision
    return mean, log_scale + 0.5 * torch.log(precision)


def within(x: Tensor, bound: float) -> Tensor:
    """bound * tanh(x / bound): near x where x is small, and in (-bound, bound).

    By the sigmoid, which takes an eighth of the time of a tanh on a CPU (measured, fp32, torch 2.15).
    """
    return torch.sigmoid(x * (2 / bound)) * (2 * bound) - bound


class Whiten(Function):
    """(x - mean) * exp(log_scale), and the sum of the log-scales of each picture (B,).

    Its gradient by hand, from three tensors: torch's own keeps more, and halves of the channels, which lie scattered in
    channels_last.

    Args:
        x: (B, C, H, W).
        prediction: (B, 2C, H, W), of `Prediction.unbounded`.
        bound: see Prediction.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, prediction: Tensor, bound: float) -> tuple[Tensor, Tensor]:
        mean, unbounded = prediction.to(x.dtype).chunk(2, dim=1)
        log_scale = within(unbounded, bound)
        scale = torch.exp(log_scale)
        z = (x - mean).mul_(scale)
        ctx.save_for_backward(z, scale, log_scale)
        ctx.bound, ctx.computed_in = bound, prediction.dtype
        return z, log_scale.sum((1, 2, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_z, of_logdet = gradients
        z, scale, log_scale = ctx.saved_tensors
        of_x = of_z * scale
        of_log_scale = (of_z * z).add_(of_logdet.view(-1, 1, 1, 1))
        of_unbounded = of_log_scale.mul_(1 - (log_scale / ctx.bound).square_())
        return of_x, torch.cat([-of_x, of_unbounded], dim=1).to(ctx.computed_in), None


class AffineInjector(Bijection):
    """(x - mean) * exp(log_scale) for all channels, mean and log-scale predicted from u alone."""

    def __init__(self, channels: int, features: int, hidden: int, bound: float = BOUND) -> None:
        super().__init__()
        self.predict = Prediction(0, features, hidden, channels, bound)

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        z, logdet = Whiten.apply(x, self.predict.unbounded(None, u), self.predict.bound)
        return z, logdet

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        mean, log_scale = self.predict(None, u)
        return z * torch.exp(-log_scale) + mean


class AffineCoupling(Bijection):
    """(x1, (x2 - mean) * exp(log_scale)): x1 and x2 are the halves of the channels, mean and log-scale are predicted
    from x1 and u."""

    def __init__(self, channels: int, features: int, hidden: int, bound: float = BOUND) -> None:
        super().__init__()
        self.halves = [channels // 2, channels - channels // 2]
        self.predict = Prediction(self.halves[0], features, hidden, self.halves[1], bound)

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        x1, x2 = x.split(self.halves, dim=1)
        z2, logdet = Whiten.apply(x2, self.predict.unbounded(x1, u), self.predict.bound)
        return torch.cat([x1, z2], dim=1), logdet

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        x1, z2 = z.split(self.halves, dim=1)
        mean, log_scale = self.predict(x1, u)
        return torch.cat([x1, z2 * torch.exp(-log_scale) + mean], dim=1)


class Split(AffineCoupling):
    """Whitens the second half of the channels with its Gaussian prior given the first half and u.

    After it that half is standard normal if the flow fits, and the flow keeps it as a latent.
    """

    def __init__(self, channels: int, features: int, hidden: int) -> None:
        super().__init__(channels, features, hidden, PRIOR_BOUND)


class LastPrior(AffineInjector):
    """Whitens what is left after the last level with its Gaussian prior given u."""

    def __init__(self, channels: int, features: int, hidden: int) -> None:
        super().__init__(channels, features, hidden, PRIOR_BOUND)
