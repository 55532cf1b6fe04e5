"""The second part of a training: the variance of a trained network's errors."""

import numpy as np
import torch

from qimg.core import Track
from qimg.learning.crops import Places
from qimg.restoration.jpeg.network.architecture import Network, table_scales
from qimg.restoration.jpeg.training.pool import Pool
from qimg.restoration.jpeg.training.recipe import Recipe

_CROP, _BATCH, _RATE = 8, 16, 1e-2


def learn_spread(network: Network, pool: Pool, recipe: Recipe, *, track: Track = iter) -> None:
    """Train the layers that predict the variance by the likelihood of normal errors; all other layers are fixed.

    Args:
        network: trained network; modified in place.
        pool: draws of the pictures, on the device of the network.
        recipe: parameters of the training, of which `spread_steps`, `crop` and `seed` are used.
        track: wraps the steps, for a progress bar.
    """
    network.requires_grad_(False).train()
    optimizer = torch.optim.Adam(network.spread.requires_grad_(True).parameters(), lr=_RATE)
    places, generator = Places(pool, min(_CROP, recipe.crop)), torch.Generator().manual_seed(recipe.seed)
    for step in track(range(recipe.spread_steps)):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + float(np.cos(np.pi * step / recipe.spread_steps)))
        crops = pool.crops(places.draw(_BATCH, generator).to(pool.truth.device), min(_CROP, recipe.crop))
        mean, spread = network(crops.decoded, crops.tables, crops.estimate)
        squared = ((mean - crops.truth) / table_scales(crops.tables)).square().detach()
        loss = 0.5 * (squared * torch.exp(-spread) + spread).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
