"""Measurement of the errors of estimates relative to their predicted deviations."""

from collections.abc import Callable, Iterable

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK, to_blocks
from qimg.restoration.jpeg.calibration import COARSENESS, LEVELS, PREDICTED, Calibration, coarseness_of
from qimg.restoration.jpeg.cascade import COUNTS, Estimate, first_labels, table_scale
from qimg.restoration.jpeg.fitting.draws import Draw
from qimg.restoration.jpeg.natural.draws import error_shape
from qimg.restoration.jpeg.quantization_bins import project

_FINEST, _MOST = 1 / 64, 24.0
_FEW = 1e-4


def calibrations(
    estimates: Callable[[Array, Array], Iterable[Estimate]],
    count: int,
    drawn: Iterable[Draw],
    *,
    conditional: bool = False,
) -> list[Calibration]:
    """Calibrations of several estimates: root mean squares and quantiles of errors over predicted deviations.

    Errors are those of pixels rounded to bytes; for quantiles they are reduced by half a code value, the largest error
    of rounding.

    Args:
        estimates: function from coefficients and table to the estimates.
        count: number of estimates.
        drawn: planes that the estimator was not fitted on.
        conditional: use one scale for each predicted deviation, so that smooth and detailed pictures are both
            calibrated.
    """
    bins = len(PREDICTED) if conditional else 1
    squares, pixels = np.zeros((count, len(COARSENESS), bins)), np.zeros((count, len(COARSENESS), bins))
    histogram = np.zeros((count, len(COARSENESS), bins, int(_MOST / _FINEST) + 1))
    shapes, blocks = np.zeros((count, len(COUNTS) + 1, BLOCK * BLOCK)), np.zeros((count, len(COUNTS) + 1))
    for plane, coefficients, table in drawn:
        place = coarseness_of(table)
        for stage, estimate in enumerate(estimates(coefficients, table)):
            restored = np.clip(np.rint(project(estimate.values, coefficients, table)), 0, 255)
            error, predicted = plane - restored, np.sqrt(estimate.variance)
            squared = np.square(error / predicted, dtype=np.float64)
            # Rounding accounts for up to half a code value.
            ratio = np.maximum(np.abs(error) - 0.5, 0) / predicted
            index = np.minimum(ratio / _FINEST, histogram.shape[3] - 1).astype(np.int64)
            groups = np.zeros(plane.shape, np.int64)
            if conditional:
                steps = (np.log2(predicted / table_scale(table)) - PREDICTED[0]) / (PREDICTED[1] - PREDICTED[0])
                groups = np.clip(np.rint(steps), 0, bins - 1).astype(np.int64)
            squares[stage, place] += np.bincount(groups.ravel(), squared.ravel(), bins)
            pixels[stage, place] += np.bincount(groups.ravel(), minlength=bins)
            joint = np.bincount((histogram.shape[3] * groups + index).ravel(), minlength=histogram[stage, place].size)
            histogram[stage, place] += joint.reshape(histogram[stage, place].shape)
            # Relative to the predicted deviation of each block, so that every quality has the same weight.
            mean = np.sqrt(to_blocks(estimate.variance).mean(axis=1, keepdims=True))
            labels = first_labels(coefficients)
            spread, number = error_shape(to_blocks(error) / mean, labels, len(COUNTS) + 1)
            shapes[stage] += spread
            blocks[stage] += number
    scales = np.stack([_scales(one, numbers) for one, numbers in zip(squares, pixels, strict=True)])
    parts = zip(scales, _quantiles(histogram, scales), _normalised(shapes, blocks), strict=True)
    return [Calibration(scales=one, quantiles=quantiles, shapes=shape) for one, quantiles, shape in parts]


def _scales(squares: Array, pixels: Array) -> Array:
    """(tables, bins) root mean squares; entries with too few samples are interpolated, first over bins, then tables."""
    tables, bins = pixels.shape
    scales = np.ones((tables, bins))
    measured = [table for table in range(tables) if pixels[table].sum() > 0]
    for table in measured:
        enough = np.flatnonzero(pixels[table] > _FEW * pixels[table].sum())
        factors = np.sqrt(squares[table, enough] / pixels[table, enough])
        scales[table] = np.interp(np.arange(bins), enough, factors)
    for number in range(bins):
        scales[:, number] = np.interp(COARSENESS, COARSENESS[measured], scales[measured, number])
    return scales


def _normalised(shapes: Array, blocks: Array) -> Array:
    """Shapes with mean 1 for every class; those of classes that did not occur are flat."""
    mean = shapes.mean(axis=2, keepdims=True)
    return np.where((blocks[..., None] > 0) & (mean > 0), shapes / np.maximum(mean, 1e-300), 1.0)


def _quantiles(histogram: Array, scales: Array) -> Array:
    """(stages, tables, levels) quantiles of |error| / calibrated deviation, interpolated for tables without samples."""
    edges = _FINEST * (np.arange(histogram.shape[3]) + 1)
    out = np.zeros((*histogram.shape[:2], len(LEVELS)))
    for stage in range(len(histogram)):
        measured = [place for place in range(len(COARSENESS)) if histogram[stage, place].sum() > 0]
        for place in measured:
            values = (edges / scales[stage, place][:, None]).ravel()
            order = np.argsort(values, kind="stable")
            shares = np.cumsum(histogram[stage, place].ravel()[order]) / histogram[stage, place].sum()
            out[stage, place] = np.interp(LEVELS, shares, values[order])
        for level in range(len(LEVELS)):
            out[stage, :, level] = np.interp(COARSENESS, COARSENESS[measured], out[stage, measured, level])
    return out
