"""Gain of a network on pictures that it is not trained on."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from qimg import images
from qimg.core import require
from qimg.images.jpeg.blocks import BLOCK
from qimg.restoration.jpeg.estimator import Explicit, in_strips
from qimg.restoration.jpeg.fitting.draws import drawn
from qimg.restoration.jpeg.model import Model
from qimg.restoration.jpeg.network.architecture import Network
from qimg.restoration.jpeg.training.pool import Crops, Entry, Picture, Pool, assembled, entry

SIDE = 20
"""Blocks on a side of the central crop of each picture, on which gains are measured."""
QUALITIES = (10, 20, 40)
_BATCH = 16


def large_enough(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures that are large enough for the central crop."""
    return [picture for picture in pictures if min(picture.luma.shape) >= BLOCK * SIDE]


class HeldOut:
    """Central crops of pictures at qualities 10, 20 and 40; smaller pictures are left out.

    Raises:
        ValueError: no picture is large enough.
    """

    def __init__(self, pictures: Sequence[Picture], *, device: torch.device, prior: Model | None, effort: int) -> None:
        large, side = large_enough(pictures), BLOCK * SIDE
        largest = max((min(picture.luma.shape) for picture in pictures), default=0)
        require(bool(large), "held_out", f"must hold a picture of at least {side} samples on a side", largest)
        self.pools = {quality: _pool(large, quality, prior, effort).to(device) for quality in QUALITIES}

    def __call__(self, network: Network) -> dict[str, float]:
        """Mean gain in PSNR over the decoded files in dB, by quality."""
        return {f"Q{quality}": _gain(pool, lambda crops: _mean(network, crops)) for quality, pool in self.pools.items()}

    def of_estimates(self) -> dict[str, float]:
        """Mean gain in PSNR of the explicit estimates alone, in dB, by quality."""
        return {f"Q{quality}": _gain(pool, _estimate) for quality, pool in self.pools.items()}


def _pool(pictures: Sequence[Picture], quality: int, prior: Model | None, effort: int) -> Pool:
    steps, side = images.quantization_table(quality), BLOCK * SIDE
    entries: list[Entry] = []
    for picture in pictures:
        top, left = ((length - side) // 2 for length in picture.luma.shape)
        draw = drawn(np.ascontiguousarray(picture.luma[top : top + side, left : left + side]), steps)
        estimate = None
        if prior is not None:
            estimate = in_strips(Explicit(prior, effort), draw.coefficients, draw.table).values
        entries.append(entry(len(entries), draw, estimate))
    return assembled(entries)


@torch.inference_mode()
def _gain(pool: Pool, restore: Callable[[Crops], Tensor]) -> float:
    gains = []
    for first in range(0, len(pool.starts), _BATCH):
        draws = torch.arange(first, min(first + _BATCH, len(pool.starts)), device=pool.truth.device)
        crops = pool.crops(torch.stack([draws, 0 * draws, 0 * draws], dim=1), SIDE)
        gains.append(10 * torch.log10(_error(crops.decoded, crops.truth) / _error(restore(crops), crops.truth)))
    return float(torch.cat(gains).mean())


def _mean(network: Network, crops: Crops) -> Tensor:
    mean: Tensor = network(crops.decoded, crops.tables, crops.estimate)[0]
    return mean


def _estimate(crops: Crops) -> Tensor:
    assert crops.estimate is not None
    return crops.estimate


def _error(restored: Tensor, truth: Tensor) -> Tensor:
    return (restored.round().clamp(0, 255) - truth).square().mean(dim=(1, 2, 3)) + 1e-3
