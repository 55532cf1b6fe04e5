"""The colour space of a picture: the eigenbasis of the second moments of the differences between neighbouring colours.

What is coded are residuals of predictions, whose colours are correlated like those of differences between neighbours.
The eigenbasis of the colours themselves is that of the picture's areas, and costs 5 % more bytes than Y'CbCr.
"""

from dataclasses import replace

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.transform.colour import is_gray
from qimg.codecs.block.transform.colour_space import MATRIX_BITS, YCBCR, ColourSpace, eigenbasis
from qimg.core import Array

_SMALLEST = 1 << 12  # pixels from which the matrix saves more than its ten bytes
_ROWS = 64
_COARSER = 6  # 1/64 of the luma step: at the same RGB error, luma is better
_STRETCH = 0.01


def space_of(pixels: Array) -> ColourSpace:
    """The colour space in which the blocks of a picture are coded; Y'CbCr for gray, few pixels or a single colour.

    Args:
        pixels: (H, W) or (H, W, 3), `uint8` or `uint16`.
    """
    if pixels.shape[0] * pixels.shape[1] < _SMALLEST or is_gray(pixels):
        return YCBCR
    moments = _moments_of_differences(pixels)
    if not moments.any():
        return YCBCR
    basis = np.linalg.eigh(moments)[1][:, ::-1]  # by decreasing energy
    basis *= np.sqrt(3) * np.where(basis.sum(axis=0) < 0, -1, 1)
    while True:
        space = eigenbasis(np.round(basis * (1 << MATRIX_BITS)).astype(np.int8).tobytes())
        gains = np.abs(space.analysis).sum(axis=1) / (1 << 16)
        if (gains <= 1).all():  # the samples of every colour are in range
            return space
        basis *= np.where(gains > 1, 1 + _STRETCH, 1)


def in_space(parameters: Parameters, space: ColourSpace) -> Parameters:
    """Parameters with a colour space in place of Y'CbCr; the planes of an eigenbasis have coarser chroma steps."""
    if space == YCBCR:
        return parameters
    first, second = (min(ratio + _COARSER, 255) for ratio in parameters.chroma)
    return replace(parameters, chroma=(first, second), space=space)


def _moments_of_differences(pixels: Array) -> Array:
    """(3, 3) sum over horizontal and vertical neighbours of d dᵀ, with d the difference of their colours."""
    moments = np.zeros((3, 3))
    for first in range(0, len(pixels), _ROWS):
        rows = pixels[first : first + _ROWS + 1].astype(np.float64)
        for differences in (np.diff(rows[:_ROWS], axis=1), np.diff(rows, axis=0)):
            flat = differences.reshape(-1, 3)
            moments += flat.T @ flat
    return moments
