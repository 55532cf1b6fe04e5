"""The second part of a training: how far a network is from the truth, learnt from what it has become."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from qimg.learning.crops import Places
from qimg.restoration.jpeg.network.architecture import Network, units
from qimg.restoration.jpeg.training.pool import Pool
from qimg.restoration.jpeg.training.recipe import Recipe

_CROP, _BATCH, _RATE = 8, 16, 1e-2


def learn_spread(
    network: Network, pool: Pool, recipe: Recipe, *, track: Callable[[Sequence[Any]], Iterable[Any]] = iter
) -> None:
    """Train the layers that say the variance, on the likelihood of normal errors; all others stay as they are.

    Args:
        network: trained; changed in place, on its own device.
        pool: draws of the pictures, on the same device.
        recipe: of the training: `spread_steps` and `seed`.
        track: wraps the steps, for a progress bar.
    """
    for values in network.parameters():
        values.requires_grad_(False)
    learnt = list(network.spread.parameters())
    for values in learnt:
        values.requires_grad_(True)
    optimizer = torch.optim.Adam(learnt, lr=_RATE)
    places, generator = Places(pool, min(_CROP, recipe.crop)), torch.Generator().manual_seed(recipe.seed)
    network.low_precision = True
    for step in track(range(recipe.spread_steps)):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + float(np.cos(np.pi * step / recipe.spread_steps)))
        crops = pool.crops(places.draw(_BATCH, generator).to(pool.truth.device), min(_CROP, recipe.crop))
        mean, spread = network(crops.decoded, crops.tables, crops.estimate)
        squared = ((mean - crops.truth) / units(crops.tables)).square().detach()
        loss = 0.5 * (squared * torch.exp(-spread) + spread).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.low_precision = False
