"""How far estimates really are from the truth, beside how far they are believed to be."""

from collections.abc import Callable, Iterable

import numpy as np

from qimg.core.arguments import Array
from qimg.images.jpeg.blocks import BLOCK, to_blocks
from qimg.restoration.jpeg.calibration import BELIEVED, COARSENESS, LEVELS, Calibration, coarseness_of
from qimg.restoration.jpeg.cascade import COUNTS, Estimate, first_labels, unit_of
from qimg.restoration.jpeg.cells import project
from qimg.restoration.jpeg.fitting.draws import Draw
from qimg.restoration.jpeg.natural.draws import error_shape

_FINEST, _MOST = 1 / 64, 24.0
_FEW = 1e-4


def calibrations(
    estimates: Callable[[Array, Array], Iterable[Estimate]],
    count: int,
    drawn: Iterable[Draw],
    *,
    conditional: bool = False,
) -> list[Calibration]:
    """Root mean squares and quantiles of errors in units of what is believed, for each of several estimates.

    Errors of pixels rounded to bytes; quantiles are of what lies beyond the half code value that rounding may take.

    Args:
        estimates: gives them from coefficients and table.
        count: how many there are.
        drawn: planes that it was not fitted on.
        conditional: scale by what is believed, so that pictures with more or fewer smooth parts are served alike.
    """
    bins = len(BELIEVED) if conditional else 1
    squares, pixels = np.zeros((count, len(COARSENESS), bins)), np.zeros((count, len(COARSENESS), bins))
    found = np.zeros((count, len(COARSENESS), bins, int(_MOST / _FINEST) + 1))
    shapes, blocks = np.zeros((count, len(COUNTS) + 1, BLOCK * BLOCK)), np.zeros((count, len(COUNTS) + 1))
    for plane, coefficients, table in drawn:
        place = coarseness_of(table)
        for stage, estimate in enumerate(estimates(coefficients, table)):
            shown = np.clip(np.rint(project(estimate.values, coefficients, table)), 0, 255)
            error, believed = plane - shown, np.sqrt(estimate.variance)
            squared = np.square(error / believed, dtype=np.float64)
            # Half a code value on either side is rounding's.
            ratio = np.maximum(np.abs(error) - 0.5, 0) / believed
            index = np.minimum(ratio / _FINEST, found.shape[3] - 1).astype(np.int64)
            groups = np.zeros(plane.shape, np.int64)
            if conditional:
                steps = (np.log2(believed / unit_of(table)) - BELIEVED[0]) / (BELIEVED[1] - BELIEVED[0])
                groups = np.clip(np.rint(steps), 0, bins - 1).astype(np.int64)
            squares[stage, place] += np.bincount(groups.ravel(), squared.ravel(), bins)
            pixels[stage, place] += np.bincount(groups.ravel(), minlength=bins)
            joint = np.bincount((found.shape[3] * groups + index).ravel(), minlength=found[stage, place].size)
            found[stage, place] += joint.reshape(found[stage, place].shape)
            # Relative to what is believed of each block, so that every quality counts alike.
            mean = np.sqrt(to_blocks(estimate.variance).mean(axis=1, keepdims=True))
            labels = first_labels(coefficients)
            spread, number = error_shape(to_blocks(error) / mean, labels, len(COUNTS) + 1)
            shapes[stage] += spread
            blocks[stage] += number
    scales = np.stack([_scales(one, numbers) for one, numbers in zip(squares, pixels, strict=True)])
    parts = zip(scales, _quantiles(found, scales), _normalised(shapes, blocks), strict=True)
    return [Calibration(scales=one, quantiles=quantiles, shapes=shape) for one, quantiles, shape in parts]


def _scales(squares: Array, pixels: Array) -> Array:
    """(tables, bins) root mean squares; what was hardly seen takes its neighbours': bins first, then tables."""
    tables, bins = pixels.shape
    scales = np.ones((tables, bins))
    seen = [table for table in range(tables) if pixels[table].sum() > 0]
    for table in seen:
        enough = np.flatnonzero(pixels[table] > _FEW * pixels[table].sum())
        known = np.sqrt(squares[table, enough] / pixels[table, enough])
        scales[table] = np.interp(np.arange(bins), enough, known)
    for number in range(bins):
        scales[:, number] = np.interp(COARSENESS, COARSENESS[seen], scales[seen, number])
    return scales


def _normalised(shapes: Array, blocks: Array) -> Array:
    """Mean 1 for every class; classes that did not occur are flat."""
    mean = shapes.mean(axis=2, keepdims=True)
    return np.where((blocks[..., None] > 0) & (mean > 0), shapes / np.maximum(mean, 1e-300), 1.0)


def _quantiles(found: Array, scales: Array) -> Array:
    """(stages, tables, levels) quantiles of |error| / calibrated deviation; tables not seen take their neighbours'."""
    edges = _FINEST * (np.arange(found.shape[3]) + 1)
    out = np.zeros((*found.shape[:2], len(LEVELS)))
    for stage in range(len(found)):
        seen = [place for place in range(len(COARSENESS)) if found[stage, place].sum() > 0]
        for place in seen:
            values = (edges / scales[stage, place][:, None]).ravel()
            order = np.argsort(values, kind="stable")
            shares = np.cumsum(found[stage, place].ravel()[order]) / found[stage, place].sum()
            out[stage, place] = np.interp(LEVELS, shares, values[order])
        for level in range(len(LEVELS)):
            out[stage, :, level] = np.interp(COARSENESS, COARSENESS[seen], out[stage, seen, level])
    return out
