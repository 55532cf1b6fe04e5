"""Pictures near another one, every channel of every pixel within a bound, that cost fewer bits without loss.

Two ways make them. In graphics the colours of the picture are covered by a few of them, and a pixel takes the colour of
a neighbour where the bound allows it. In smooth shades a channel is its prediction plus a multiple of 2 · bound + 1, so
that few differences occur, as in JPEG-LS (Weinberger, Seroussi & Sapiro, 2000).
"""

import numpy as np

from qimg.codecs.contour.colours import colours_of, pixels_of
from qimg.core import Array
from qimg.core.compiled import compiled

MOST_ERROR = 32
"""Largest bound, in code values."""
_MOST_COLOURS = 1 << 16


def near(stored: Array, bound: int, channels: int) -> list[Array]:
    """Pictures near another one, of which the encoder takes the one that costs least.

    Args:
        stored: (H, W, stored channels) `uint8`; alpha, behind the colour channels, stays.
        bound: largest difference of a channel, in code values.
        channels: colour channels.
    """
    found = [_of_multiples(stored, bound, channels)]
    colours, counts = np.unique(colours_of(stored), return_counts=True)
    if len(colours) <= _MOST_COLOURS:
        found.insert(0, _of_few_colours(stored, bound, channels, colours, counts))
    return found


def _of_few_colours(stored: Array, bound: int, channels: int, colours: Array, counts: Array) -> Array:
    order = np.argsort(-counts, kind="stable")
    values = pixels_of(colours[order], stored.shape[2]).astype(np.int64)
    cover = np.full(len(values), -1, np.int64)
    cover_colours(values, cover, bound, channels)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    numbers = place[np.searchsorted(colours, colours_of(stored))]
    result = values[cover[numbers]].astype(np.uint8)
    follow_neighbours(stored, result, bound, channels)
    return result


def _of_multiples(stored: Array, bound: int, channels: int) -> Array:
    result = stored.copy()
    quantize_differences(result, bound, channels)
    return result


@compiled
def cover_colours(values: Array, cover: Array, bound: int, channels: int) -> None:
    """Cover colours by some of them, the first ones that are not covered yet.

    Args:
        values: (K, stored channels) int64, in the order of preference.
        cover: (K,) int64, −1 at first; filled with the index of the covering colour.
        bound: largest difference of a colour channel; further channels are equal.
        channels: colour channels.
    """
    for centre in range(values.shape[0]):
        if cover[centre] >= 0:
            continue
        for other in range(centre, values.shape[0]):
            if cover[other] >= 0:
                continue
            is_near = True
            for channel in range(values.shape[1]):
                allowed = bound if channel < channels else 0
                is_near = is_near and abs(values[centre, channel] - values[other, channel]) <= allowed
            if is_near:
                cover[other] = centre


@compiled
def follow_neighbours(stored: Array, result: Array, bound: int, channels: int) -> None:
    """Give each pixel the colour of the left, upper, upper left or upper right pixel, the first one within the bound.

    Args:
        stored: (H, W, stored channels) `uint8` the picture.
        result: as `stored`; a picture within the bound, modified in the order of the raster.
        bound: largest difference of a colour channel; further channels are equal.
        channels: colour channels.
    """
    height, width, stored_channels = stored.shape
    for row in range(height):
        for column in range(width):
            for step in range(4):
                up, back = int(step > 0), (1, 0, 1, -1)[step]
                if row < up or column < back or column - back >= width:
                    continue
                is_near = True
                for channel in range(stored_channels):
                    allowed = bound if channel < channels else 0
                    neighbour = int(result[row - up, column - back, channel])
                    is_near = is_near and abs(neighbour - int(stored[row, column, channel])) <= allowed
                if is_near:
                    for channel in range(stored_channels):
                        result[row, column, channel] = result[row - up, column - back, channel]
                    break


@compiled
def quantize_differences(pixels: Array, bound: int, channels: int) -> None:
    """Round the differences of colour channels from their prediction to multiples of 2 · bound + 1.

    The prediction is the median of left, above and left + above − above left, as the codec's.

    Args:
        pixels: (H, W, stored channels) `uint8`, modified in the order of the raster.
        bound: largest difference of a channel.
        channels: colour channels.
    """
    height, width = pixels.shape[:2]
    step = 2 * bound + 1
    for row in range(height):
        for column in range(width):
            for channel in range(channels):
                a = np.int64(pixels[row, column - 1, channel]) if column else 0
                b = np.int64(pixels[row - 1, column, channel]) if row else 0
                c = np.int64(pixels[row - 1, column - 1, channel]) if row and column else 0
                predicted = max(min(a, b), min(max(a, b), a + b - c))
                difference = np.int64(pixels[row, column, channel]) - predicted
                multiple = (abs(difference) + bound) // step * step
                value = predicted + (multiple if difference >= 0 else -multiple)
                pixels[row, column, channel] = min(max(value, 0), 255)
