"""Our flow with normflows' layers in the places of ours, where that library has them.

The weights are shared with the network that is given, and the results are the same. normflows maps latents to pictures
in `forward` and pictures to latents in `inverse`; its couplings know no condition, so what they call to predict shift
and scale keeps our features. It has no injector and no split with a learnt prior: those stay ours.
"""

from collections.abc import Callable

import normflows
import torch
from torch import Tensor, nn

from lit_gans.networks.flow.affine import AffineCoupling, Prediction
from lit_gans.networks.flow.bijections import ActNorm, Bijection, Chain, Features, InvertibleConv, Mixing, Squeeze


class Theirs(Bijection):
    """A layer of normflows under our protocol."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        z, logdet = self.layer.inverse(x)  # type: ignore[operator]
        return z, x.new_zeros(len(x)) + logdet

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        x: Tensor = self.layer(z)[0]
        return x


class Predicted(nn.Module):
    """Shift and log-scale in normflows' order, channel by channel in turns."""

    def __init__(self, predict: Prediction) -> None:
        super().__init__()
        self.predict = predict
        self.u: Features | None = None

    def forward(self, known: Tensor) -> Tensor:
        assert self.u is not None
        mean, log_scale = self.predict(known, self.u)
        return torch.stack([mean, -log_scale], dim=2).flatten(1, 2)


class TheirCoupling(Theirs):
    def __init__(self, ours: AffineCoupling) -> None:
        self_predict = Predicted(ours.predict)
        super().__init__(normflows.flows.AffineCouplingBlock(self_predict, scale_map="exp"))
        self.predicted = self_predict

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        self.predicted.u = u
        return super().forward(x, u)

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        self.predicted.u = u
        return super().inverse(z, u)


def their_layers(network: nn.Module) -> nn.Module:
    """The network with normflows' layers; it is changed itself."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if write := WRITTEN.get(type(child)):
                setattr(parent, name, write(child).train(child.training))
    return network


def act_norm(ours: ActNorm) -> Bijection:
    theirs = normflows.flows.ActNorm(ours.mean.shape)
    theirs.s, theirs.t = (nn.Parameter(weight.data[None]) for weight in (ours.log_scale, ours.mean))
    theirs.data_dep_init_done.fill_(float(ours.initialized))
    return Theirs(theirs)


def convolution(ours: InvertibleConv) -> Bijection:
    theirs = normflows.flows.Invertible1x1Conv(len(ours.sign), use_lu=True)
    theirs.L, theirs.U, theirs.log_S = ours.lower, ours.upper, ours.log_scale
    theirs.sign_S.copy_(ours.sign)
    theirs.P.copy_(torch.eye(len(ours.sign))[ours.order])
    return Theirs(theirs)


# by exact class, so that the splits, which are couplings with a prior's bound, stay
WRITTEN: dict[type[nn.Module], Callable[..., nn.Module]] = {
    Squeeze: lambda ours: Theirs(normflows.flows.Squeeze()),
    Mixing: lambda ours: Chain([act_norm(ours.norm), convolution(ours.conv)]),
    AffineCoupling: TheirCoupling,
}
