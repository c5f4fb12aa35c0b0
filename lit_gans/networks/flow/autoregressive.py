"""A bijection that sees the whole picture: each pixel is mapped given all pixels before it.

A coupling looks at a few pixels around, and from half of the channels; where the objects of a picture lie, and that
there is one of each asked class, is not to be seen from there. Here each pixel's mean and log-scale come from
everything that stands before it, by causal attention (masked autoregressive flows: Papamakarios et al. 2017; with
attention: Zhai et al. 2024, arXiv 2412.06329). All pixels are mapped at once; the inverse takes them one after the
other. Meant for the last level, whose picture is small: attention's cost grows with the square of its pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lit_gans.networks.flow.affine import BOUND, guided, within
from lit_gans.networks.flow.bijections import Bijection, Features, Guided

HEAD = 32
"""Channels of an attention head."""
HIDDEN = 4
"""Width of the layers' perceptrons, in widths of the attention."""
RESIDUAL = 0.3
"""Of the start weights of what a layer adds."""


class AutoregressiveAffine(Bijection):
    """(x - mean) * exp(log_scale), all channels of a pixel predicted from the pixels before it, in reading order or,
    with `backwards`, the reverse of it, and from u.

    The channels of one pixel do not see each other: Mixing and couplings belong between two of these.

    Args:
        channels: of the picture.
        features: channels of u.
        size: height and width of the picture.
        width: channels of the attention, a multiple of 32.
        layers: of attention.
        bound: the log-scale lies in (-bound, bound).
    """

    def __init__(
        self,
        channels: int,
        features: int,
        size: int,
        width: int = 128,
        layers: int = 2,
        bound: float = BOUND,
        backwards: bool = False,
    ) -> None:
        super().__init__()
        self.bound, self.backwards = bound, backwards
        self.from_values = nn.Linear(channels, width)
        self.from_features = nn.Linear(features, width)
        self.position = nn.Parameter(0.1 * torch.randn(size**2, width))
        self.layers = nn.ModuleList(CausalLayer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, 2 * channels)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, u: Features) -> tuple[Tensor, Tensor]:
        assert isinstance(u, Tensor)
        pixels = self.in_order(x)
        before = pad(pixels[:, :-1], (0, 0, 1, 0))
        mean, log_scale = self.predict(before, self.in_order(u), slice(None))
        return self.as_picture((pixels - mean) * torch.exp(log_scale), x), log_scale.sum((1, 2))

    def inverse(self, z: Tensor, u: Features) -> Tensor:
        pixels = self.in_order(z)
        # one pass for both predictions under guidance
        known = torch.cat([self.in_order(part) for part in (u[:2] if isinstance(u, Guided) else [u])])
        past = [Past() for _ in self.layers]
        found = [torch.zeros_like(pixels[:, :1])]
        for i in range(pixels.shape[1]):
            here = slice(i, i + 1)
            before = found[-1].repeat(known.shape[0] // z.shape[0], 1, 1)
            mean, log_scale = self.predict(before, known[:, here], here, past)
            if isinstance(u, Guided):
                labelled, unlabelled = zip(mean.chunk(2), log_scale.chunk(2), strict=True)
                mean, log_scale = guided(labelled, unlabelled, u.weight)
            found.append(pixels[:, here] * torch.exp(-log_scale) + mean)
        return self.as_picture(torch.cat(found[1:], dim=1), z)

    def predict(
        self, before: Tensor, known: Tensor, here: slice, past: "list[Past] | None" = None
    ) -> tuple[Tensor, Tensor]:
        """Mean and log-scale of the pixels at `here`, (B, N, channels).

        Args:
            before: values of the pixel before each of them, (B, N, channels); of the first one 0.
            known: u at each of them, (B, N, features).
            past: what earlier calls have seen of these pictures; None where the pixels are all.
        """
        token = self.from_values(before) + self.from_features(known) + self.position[here]
        for i, layer in enumerate(self.layers):
            token = layer(token, past[i] if past else None)
        mean, log_scale = self.last(self.norm(token)).to(self.last.weight.dtype).chunk(2, dim=-1)
        return mean, within(log_scale, self.bound)

    def in_order(self, picture: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, H * W, C)."""
        pixels = picture.flatten(2).transpose(1, 2)
        return pixels.flip(1) if self.backwards else pixels

    def as_picture(self, pixels: Tensor, like: Tensor) -> Tensor:
        """The inverse of `in_order`, in the shape of `like`."""
        return (pixels.flip(1) if self.backwards else pixels).transpose(1, 2).reshape(like.shape)


class Past:
    """Keys and values of the pixels that a layer has seen, (B, heads, N, HEAD)."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def add(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Takes these in; all keys and values up to them."""
        if self.keys is not None and self.values is not None:
            keys, values = torch.cat([self.keys, keys], dim=2), torch.cat([self.values, values], dim=2)
        self.keys, self.values = keys, values
        return keys, values


class CausalLayer(nn.Module):
    """Attention to this pixel and those before it, and a perceptron; normalised before, added after.

    Shapes:
        (B, N, width) -> same
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, HIDDEN * width), nn.SiLU(), nn.Linear(HIDDEN * width, width))
        with torch.no_grad():
            for last in (self.attended, self.perceptron[-1]):
                last.weight.mul_(RESIDUAL)  # type: ignore[operator]

    def forward(self, token: Tensor, past: Past | None = None) -> Tensor:
        batch, count, width = token.shape
        qkv = self.attention(self.attention_norm(token)).view(batch, count, 3, self.heads, HEAD)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if past is not None:
            key, value = past.add(key, value)
        # by hand: for so few pixels the backward pass of torch's own attention takes several times as long on a CPU
        # (measured, torch 2.15)
        weight = (query * HEAD**-0.5) @ key.transpose(-1, -2)
        hidden = torch.ones(count, key.shape[2], dtype=torch.bool, device=token.device).triu(1 + key.shape[2] - count)
        weight = torch.softmax(weight.masked_fill(hidden, -torch.inf), dim=-1, dtype=weight.dtype)
        token = token + self.attended((weight @ value).transpose(1, 2).reshape(batch, count, width))
        return token + self.perceptron(self.perceptron_norm(token))
