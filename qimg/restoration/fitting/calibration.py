"""How far estimates really are from the truth, beside how far they are believed to be."""

from collections.abc import Callable, Iterable

import numpy as np

from qimg.arguments import Array
from qimg.restoration.calibration import COARSENESS, LEVELS, Calibration, coarseness_of
from qimg.restoration.cascade import COUNTS, Estimate, first_labels, to_blocks
from qimg.restoration.cells import project
from qimg.restoration.fitting.draws import Draw
from qimg.restoration.natural import error_shape
from qimg.restoration.symmetry import BLOCK

_FINEST, _MOST = 1 / 64, 24.0


def calibrations(
    estimates: Callable[[Array, Array], Iterable[Estimate]], count: int, drawn: Iterable[Draw]
) -> list[Calibration]:
    """Root mean squares and quantiles of errors in units of what is believed, for each of several estimates.

    Errors of pixels rounded to bytes; quantiles are of what lies beyond the half code value that rounding may take.

    Args:
        estimates: gives them from coefficients and table.
        count: how many there are.
        drawn: planes that it was not fitted on.
    """
    squares, pixels = np.zeros((count, len(COARSENESS))), np.zeros(len(COARSENESS))
    found = np.zeros((count, len(COARSENESS), int(_MOST / _FINEST) + 1))
    shapes, blocks = np.zeros((count, len(COUNTS) + 1, BLOCK * BLOCK)), np.zeros((count, len(COUNTS) + 1))
    for plane, coefficients, table in drawn:
        place = coarseness_of(table)
        pixels[place] += plane.size
        for stage, estimate in enumerate(estimates(coefficients, table)):
            shown = np.clip(np.rint(project(estimate.values, coefficients, table)), 0, 255)
            error, believed = plane - shown, np.sqrt(estimate.variance)
            squares[stage, place] += np.square(error / believed, dtype=np.float64).sum()
            # Half a code value on either side is rounding's.
            ratio = np.maximum(np.abs(error) - 0.5, 0) / believed
            index = np.minimum(ratio / _FINEST, found.shape[2] - 1).astype(np.int64)
            found[stage, place] += np.bincount(index.ravel(), minlength=found.shape[2])
            # Relative to what is believed of each block, so that every quality counts alike.
            mean = np.sqrt(to_blocks(estimate.variance).mean(axis=1, keepdims=True))
            labels = first_labels(coefficients)
            spread, number = error_shape(to_blocks(error) / mean, labels, len(COUNTS) + 1)
            shapes[stage] += spread
            blocks[stage] += number
    seen = pixels > 0
    scales = np.ones((count, len(COARSENESS)))
    for stage in range(count):
        known = np.sqrt(squares[stage, seen] / pixels[seen])
        scales[stage] = np.interp(COARSENESS, COARSENESS[seen], known)
    parts = zip(scales, _quantiles(found, scales), _normalised(shapes, blocks), strict=True)
    return [Calibration(scales=one, quantiles=quantiles, shapes=shape) for one, quantiles, shape in parts]


def _normalised(shapes: Array, blocks: Array) -> Array:
    """Mean 1 for every class; classes that did not occur are flat."""
    mean = shapes.mean(axis=2, keepdims=True)
    return np.where((blocks[..., None] > 0) & (mean > 0), shapes / np.maximum(mean, 1e-300), 1.0)


def _quantiles(found: Array, scales: Array) -> Array:
    """(stages, tables, levels) quantiles of |error| / calibrated deviation; tables not seen take their neighbours'."""
    edges = _FINEST * (np.arange(found.shape[2]) + 1)
    out = np.zeros((*found.shape[:2], len(LEVELS)))
    for stage in range(len(found)):
        seen = [place for place in range(len(COARSENESS)) if found[stage, place].sum() > 0]
        for place in seen:
            shares = np.cumsum(found[stage, place]) / found[stage, place].sum()
            out[stage, place] = np.interp(LEVELS, shares, edges) / scales[stage, place]
        for level in range(len(LEVELS)):
            out[stage, :, level] = np.interp(COARSENESS, COARSENESS[seen], out[stage, seen, level])
    return out
