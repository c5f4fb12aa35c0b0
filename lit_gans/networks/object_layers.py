"""A generator that composes its picture of objects: each asked object is drawn by itself, placed, and laid over those
behind it.

A pooled multi-hot vector loses which colour belongs to which shape; here every asked class keeps a slot of its own from
the condition to the picture. The slots see each other by attention before anything is drawn, so that objects can make
room for each other. Which object takes which part in the scene (in iCLEVR, the one in the middle) is a choice, and a
continuous function of noise would draw blends of two choices: so the objects get numbers, in an order that the noise
decides by a comparison. All is differentiable but this order and that of the layers.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from lit_gans import checks
from lit_gans.errors import InputError
from lit_gans.networks.layers import PixelNorm, upsampling_block

# Channels of a layer beside colour and alpha: what the shading should know of the object below a pixel.
FEATURES = 8
COLOR = 3


class Placement(NamedTuple):
    """Where each layer lies, in parts of the picture's width: 0 is its left or upper edge, 1 the other one.

    Each (B, slots), float32.
    """

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor


class ObjectLayers(nn.Module):
    """Latent and condition -> image, through one layer an object.

    The latent holds the scene's noise and that of each slot: its length is `latent_dim`.

    Args:
        num_classes: length of the multi-hot condition.
        slots: the most objects in a picture; classes beyond it would be left out.
        image_size: height and width of the image.
        scene_dim, slot_dim: noise of the scene (background, light) and of each object.
        token_dim: length of the vector that describes an object before it is drawn.
        width: channels of the smallest stage of the drawing.
        patch_size: an object is drawn in a square of 8, 16 or 32 pixels and then scaled to its place.
        depth: layers of attention.
        channels: of the images: 3, or 1 for grey.

    Shapes:
        z (B, latent_dim), condition (B, num_classes) -> (B, channels, image_size, image_size) in [-1, 1]
    """

    def __init__(
        self,
        num_classes: int = 24,
        slots: int = 3,
        image_size: int = 64,
        scene_dim: int = 32,
        slot_dim: int = 32,
        token_dim: int = 128,
        width: int = 128,
        patch_size: int = 16,
        depth: int = 2,
        channels: int = COLOR,
    ) -> None:
        super().__init__()
        checks.channels(channels)
        checks.counts(num_classes=num_classes, slots=slots, image_size=image_size, width=width, patch_size=patch_size)
        if patch_size not in (8, 16, 32):
            raise InputError(f"patch_size is {patch_size}; expected 8, 16 or 32")
        self.slots, self.scene_dim, self.slot_dim = slots, scene_dim, slot_dim
        self.image_size, self.channels = image_size, channels
        self.classes = nn.Embedding(num_classes, token_dim)
        self.scene_noise = nn.Linear(scene_dim, token_dim)
        self.slot_noise = nn.Linear(slot_dim, token_dim)
        self.numbers = nn.Embedding(slots, token_dim)
        nn.init.zeros_(self.numbers.weight)  # alike at first
        layer = nn.TransformerEncoderLayer(
            token_dim, nhead=4, dim_feedforward=2 * token_dim, dropout=0.0, batch_first=True, norm_first=True
        )
        self.attention = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.draw = PatchDecoder(token_dim, channels + 1 + FEATURES, width, patch_size)
        self.place = Placer(token_dim)
        self.background = PatchDecoder(token_dim, channels + FEATURES, width // 2, 8)
        self.shade = Shading(channels + FEATURES, channels)

    @property
    def latent_dim(self) -> int:
        """Length of z."""
        return self.scene_dim + self.slots * self.slot_dim

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        classes, present = slots_of(condition, self.slots)
        scene, objects = self.describe(z, classes, present)
        background = interpolate(self.background(scene), size=(self.image_size,) * 2, mode="bilinear")
        drawn = self.draw(objects.flatten(0, 1)).unflatten(0, objects.shape[:2])
        composed = compose(background, drawn, self.place(objects), present, self.channels)
        return torch.tanh(self.shade(composed).float())

    def describe(self, z: Tensor, classes: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """What the scene and each object will look like: (B, token_dim) and (B, slots, token_dim)."""
        of_scene, of_slots = z.split([self.scene_dim, self.slots * self.slot_dim], dim=1)
        scene = self.scene_noise(of_scene).unsqueeze(1)
        noise = of_slots.unflatten(1, (self.slots, self.slot_dim))
        number = numbers_of(noise[:, :, 0], present)
        objects = self.classes(classes) + self.slot_noise(noise) + self.numbers(number) + scene
        hidden = torch.cat([torch.zeros_like(present[:, :1]), ~present], dim=1)
        tokens = self.attention(torch.cat([scene, objects], dim=1), src_key_padding_mask=hidden)
        return tokens[:, 0], tokens[:, 1:]


class PatchDecoder(nn.Module):
    """Token -> small picture: (N, token_dim) -> (N, channels, size, size), unbounded."""

    def __init__(self, token_dim: int, channels: int, width: int, size: int) -> None:
        super().__init__()
        doublings = int(math.log2(size)) - 2
        widths = [max(16, width >> i) for i in range(doublings + 1)]
        self.start = nn.Linear(token_dim, widths[0] * 16)
        self.norm = PixelNorm()
        self.blocks = nn.Sequential(*(upsampling_block(a, b) for a, b in pairwise(widths)))
        self.out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, token: Tensor) -> Tensor:
        start = leaky_relu(self.norm(self.start(token).unflatten(1, (-1, 4, 4))), 0.2)
        return self.out(self.blocks(start.contiguous(memory_format=torch.channels_last)))


class Placer(nn.Module):
    """Token -> place: (B, slots, token_dim) -> Placement. At the start objects lie all over the picture's middle, a
    third of its width in size."""

    def __init__(self, token_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(token_dim, token_dim), nn.LeakyReLU(0.2), nn.Linear(token_dim, 4))

    def forward(self, token: Tensor) -> Placement:
        x, y, size, aspect = self.layers(token).float().unbind(dim=-1)
        size = 0.15 + 0.45 * torch.sigmoid(size - 0.4)
        stretch = torch.exp(0.5 * torch.tanh(aspect))
        return Placement(torch.sigmoid(x), torch.sigmoid(y), size * stretch, size / stretch)


class Shading(nn.Module):
    """Adds what objects do to each other and to the ground (shadows, contact, reflections) to the composed layers.

    It works on squares of 2x2 pixels as one: that reaches far, keeps every detail, and is several times as fast on a
    CPU as convolutions of few channels over the whole picture.

    Shapes:
        (B, channels, H, W), its first channels colours -> (B, colors, H, W)
    """

    def __init__(self, channels: int, colors: int = COLOR, width: int = 48) -> None:
        super().__init__()
        self.colors = colors
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(4 * channels, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=2, dilation=2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=4, dilation=4),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 4 * colors, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, composed: Tensor) -> Tensor:
        return composed[:, : self.colors] + self.layers(composed)


def slots_of(condition: Tensor, slots: int) -> tuple[Tensor, Tensor]:
    """Multi-hot (B, num_classes) -> class indices (B, slots) and which of the slots are in use, (B, slots) bool.

    In the order of the classes: topk alone has another order of equal values on each device, and so would the picture.
    """
    count = condition.shape[1]
    rank = torch.arange(count, device=condition.device) / (2 * count)  # below 1/2
    value, classes = (condition - rank).topk(slots, dim=1)
    return classes, value > 0.5


def numbers_of(noise: Tensor, present: Tensor) -> Tensor:
    """(B, slots) and (B, slots) bool -> (B, slots): the present objects numbered from 0 in the order of their noise,
    the others after them."""
    return noise.masked_fill(~present, torch.inf).argsort(dim=1).argsort(dim=1)


def compose(background: Tensor, drawn: Tensor, placement: Placement, present: Tensor, colors: int = COLOR) -> Tensor:
    """Lays the objects over the background, far ones first: what stands lower in the picture is nearer.

    Args:
        background: (B, C, H, W).
        drawn: (B, slots, C + 1, P, P): as the background, with the alpha's logit in the place after the colours.
        placement: of each object.
        present: (B, slots) bool; the other slots stay invisible.
        colors: the first channels.

    Returns:
        (B, C, H, W)
    """
    order = placement.y.argsort(dim=1)
    placement = Placement(*(value.gather(1, order) for value in placement))
    drawn = drawn.gather(1, order.view(*order.shape, 1, 1, 1).expand_as(drawn))
    present = present.gather(1, order)

    alpha = torch.sigmoid(drawn[:, :, colors].float()) * present.unsqueeze(-1).unsqueeze(-1)
    content = torch.cat([drawn[:, :, :colors], drawn[:, :, colors + 1 :]], dim=2).float()
    # premultiplied: outside of its square a layer is transparent, and so are the halves of its edge pixels
    layers = place_patches(torch.cat([content * alpha.unsqueeze(2), alpha.unsqueeze(2)], dim=2), placement, background)
    canvas = background.float().contiguous()  # as the layers are: mixed layouts cost a third more
    for layer in layers.unbind(dim=1):
        canvas = canvas * (1 - layer[:, -1:]) + layer[:, :-1]
    return canvas


def place_patches(patches: Tensor, placement: Placement, canvas: Tensor) -> Tensor:
    """(B, slots, C, P, P) -> (B, slots, C, H, W): each patch scaled into its place, zero around it.

    Scaling along the axes is two matrix products, of which the backward pass is two more; faster than grid_sample.
    """
    size = patches.shape[-1]
    rows = resampling(placement.y, placement.height, size, canvas.shape[-2])
    columns = resampling(placement.x, placement.width, size, canvas.shape[-1])
    return rows.unsqueeze(2) @ patches @ columns.unsqueeze(2).transpose(-1, -2)


def resampling(center: Tensor, extent: Tensor, source: int, target: int) -> Tensor:
    """(...) -> (..., target, source): bilinear weights that stretch `source` pixels over this part of `target` ones."""
    pixel = (torch.arange(target, device=center.device) + 0.5) / target
    position = (pixel - center.unsqueeze(-1)) / extent.unsqueeze(-1) * source + source / 2 - 0.5
    distance = position.unsqueeze(-1) - torch.arange(source, device=center.device)
    return (1 - distance.abs()).clamp(min=0)
