"""Entropy coding of tiles of latents: integers to words of the range coder and back, each tile on its own."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from qimg.codecs.errors import BitstreamError
from qimg.codecs.learned.design import conditions
from qimg.codecs.learned.latents import predictions, restored, surroundings
from qimg.codecs.learned.model import LearnedModel
from qimg.core import Array
from qimg.entropy import range_coder
from qimg.integer_networks.coding import Walk, decode_latents, latent_intervals

TILE = 128
"""Rows and columns of latents of a tile."""

Choice = Callable[[Any, Array], Array]
"""Map from the place of a group of latents (an index into the tile's further channels) and the parameters of their
distributions to the integers to code."""


def windows(rows: int, columns: int, side: int | None = None) -> Iterator[tuple[slice, slice]]:
    """The tiles of a picture of rows × columns positions by rows, or squares of another side."""
    side = TILE if side is None else side
    for row in range(0, rows, side):
        for column in range(0, columns, side):
            yield slice(row, min(row + side, rows)), slice(column, min(column + side, columns))


def encoded_tile(model: LearnedModel, first: Array, choose: Choice, rate: int) -> tuple[Array, Array]:
    """The latents (channels, H, W) int32 of a tile that `choose` selects, and their words.

    Args:
        model: the model.
        first: (H, W) integers, the first channel.
        choose: selects the further channels, group by group.
        rate: index of the rate.
    """
    shape = (*first.shape, 1)
    y = first.astype(np.int32).reshape(shape)
    described = conditions(model.design, [rate])
    encoder = range_coder.Encoder()
    encoder.push_intervals(*latent_intervals(model.first, (y - predictions(y))[None], conditions=described))
    walk = Walk(model.further, shape, side=np.stack(surroundings(y)), conditions=described)
    for place, parameters in walk.groups():
        symbols = choose(place, parameters)
        encoder.push_intervals(*model.further.design.distribution.intervals(symbols, parameters))
        walk.put(place, symbols)
    return np.concatenate([y[None], walk.latents])[..., 0], encoder.words()


def decoded_tile(
    model: LearnedModel, words: Array, shape: tuple[int, int], rate: int, *, dtype: Any = np.float32
) -> Array:
    """The latents (channels, H, W) int32 of a tile.

    Args:
        model: the model.
        words: (m,) uint32.
        shape: H and W.
        rate: index of the rate.
        dtype: precision of the products, which does not change the result.

    Raises:
        BitstreamError: no encoder writes these words.
    """
    described = conditions(model.design, [rate])
    state = range_coder.start(words)
    given = {"conditions": described, "dtype": dtype}
    residuals = decode_latents(model.first, state, words, (*shape, 1), **given)[0]
    y = restored(residuals)
    further = decode_latents(model.further, state, words, y.shape, side=np.stack(surroundings(y)), **given)
    if not range_coder.is_complete(state, words):
        raise BitstreamError("the words of a tile must be those of its latents, but are not")
    return np.concatenate([y[None], further])[..., 0]
