"""Milliseconds of wide layers, forward and backward: torch's against those of lit_gans/kernels.

    python benchmarks/convolutions.py

In the precision that `lit-gans fit` takes on this CPU, channels last, on random pictures, in turns; medians. Ours are
measured as matrix products wherever this runs; whether a network takes them is for `pays` to say.
"""

import argparse
import statistics
import time

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from lit_gans.kernels import im2col
from lit_gans.kernels.convolutions import ConvTranspose2d, HalvingConv2d, ToPixel
from lit_gans.kernels.winograd import Conv3x3
from lit_gans.training.memory import keep_freed_memory
from lit_gans.training.precision import BF16, best_precision

HALVING = {"kernel_size": 4, "stride": 2, "padding": 1}
# ours, torch's, side of the input in pixels
LAYERS = [
    (HalvingConv2d(64, 128), nn.Conv2d(64, 128, **HALVING), 32),
    (HalvingConv2d(128, 256), nn.Conv2d(128, 256, **HALVING), 16),
    (HalvingConv2d(256, 512), nn.Conv2d(256, 512, **HALVING), 8),
    (ToPixel(512, 256, 4), nn.Conv2d(512, 256, 4), 4),
    (ConvTranspose2d(512, 256, **HALVING), nn.ConvTranspose2d(512, 256, **HALVING), 4),
    (ConvTranspose2d(256, 128, **HALVING), nn.ConvTranspose2d(256, 128, **HALVING), 8),
    (Conv3x3(128, 128), nn.Conv2d(128, 128, 3), 34),
    (Conv3x3(256, 256), nn.Conv2d(256, 256, 3), 34),
]


def milliseconds(layer: nn.Module, images: Tensor, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        with torch.autocast("cpu", torch.bfloat16, enabled=images.dtype == torch.bfloat16, cache_enabled=False):
            y = layer(images)
        y.backward(torch.ones_like(y))
    return 1000 * (time.perf_counter() - start) / repeats


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64, help="pictures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=10, help="of a layer in a round")
    given = parser.parse_args(args)
    keep_freed_memory()  # as `lit-gans fit` does
    im2col.pays = Conv3x3.pays = lambda *_: True  # type: ignore[assignment,method-assign]

    precision = best_precision("cpu")
    title = f"{precision}, {torch.get_num_threads()} threads, AMX {'yes' if im2col.AMX else 'no'}"
    table = Table("layer", "torch, ms", "ours, ms", "torch/ours", title=title)
    for ours, torchs, side in LAYERS:
        pair = [layer.to(memory_format=torch.channels_last) for layer in (ours, torchs)]
        images = torch.randn(given.batch, ours.in_channels, side, side).to(memory_format=torch.channels_last)
        images = images.to(torch.bfloat16 if precision == BF16 else torch.float32).requires_grad_()
        for layer in pair:
            milliseconds(layer, images, 3)
        rounds = [[milliseconds(layer, images, given.repeats) for layer in pair] for _ in range(given.rounds)]
        mine, its = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(b / a for a, b in rounds)
        name = f"{type(ours).__name__} {ours.in_channels} -> {ours.out_channels}, {side} px"
        table.add_row(name, f"{its:.1f}", f"{mine:.1f}", f"{ratio:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
