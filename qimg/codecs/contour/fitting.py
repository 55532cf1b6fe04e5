"""Fills of a picture at a λ: least squares in each area, quantized, where they cost less than the error they remove."""

import numpy as np

from qimg.codecs.contour.fills import (
    LARGEST_COEFFICIENT,
    MOST_PRECISION,
    MOST_TERMS,
    ORDERS,
    TERMS,
    Areas,
    Fills,
    basis_value,
    cosines,
    steps_of,
)
from qimg.core import Array
from qimg.core.compiled import compiled

_PRECISION = 24.0  # squared step of an area of one pixel over λ: a bit less for each coefficient pays no longer
_KIND_BITS = 6.0
_LEAST_BITS = 12.0  # of any fill
_RIDGE = 1e-3  # of the squared norm of a term, so that terms which are nearly equal in an area stay small
_FLOOR = 1e-9
_MOST_SAMPLES = 1 << 16  # pixels of an area that take part in a fit


def fit(base: Array, areas: Areas, pixels: Array, weight: float) -> Fills | None:
    """The fills of about least squared error + λ · bits, or None if no fill pays.

    Args:
        base: (H, W, channels) `uint8` stored colours of the areas.
        areas: of the picture.
        pixels: (H, W, channels) `uint8` the source, with as many channels or fewer.
        weight: λ, squared error that is worth a bit, in squared code values.
    """
    channels, count = pixels.shape[2], len(areas.pixels)
    precision = int(min(max(round(_PRECISION * weight), 1), MOST_PRECISION))
    fills = Fills(
        precision=precision,
        kinds=np.zeros(count, np.int64),
        coefficients=np.zeros((count, channels, MOST_TERMS), np.int64),
    )
    flat = areas.owner.ravel()
    residual = pixels.reshape(-1, channels).astype(np.float64) - base.reshape(-1, base.shape[2])[:, :channels]
    inside = np.flatnonzero(flat >= 0)
    errors = np.bincount(flat[inside], np.square(residual[inside]).sum(axis=1), count)
    worth = np.flatnonzero(errors > _LEAST_BITS * weight)
    inside = inside[np.isin(flat[inside], worth)]
    inside = inside[np.argsort(flat[inside], kind="stable")]
    ends = np.cumsum(np.bincount(flat[inside], minlength=count))
    steps, width = steps_of(precision, areas.pixels), pixels.shape[1]
    for area in worth:
        places = inside[ends[area] - areas.pixels[area] : ends[area]]
        places = places[:: 1 + len(places) // _MOST_SAMPLES]
        rows, columns = places // width - areas.boxes[area, 0], places % width - areas.boxes[area, 1]
        best = _best(residual[places], rows, columns, areas.boxes[area, 2:], steps[area], areas.pixels[area], weight)
        if best is not None:
            fills.kinds[area], fills.coefficients[area] = best
    return fills if fills.kinds.any() else None


def _best(
    residual: Array, rows: Array, columns: Array, box: Array, step: int, pixels: int, weight: float
) -> tuple[int, Array] | None:
    """The kind and the coefficients (channels, 15) of the fill of an area that costs least, or None."""
    share = pixels / len(rows)  # of the pixels that take part
    least, best = share * float(np.square(residual).sum()), None
    for kind in range(1, len(TERMS)):
        terms = int(TERMS[kind])
        if least <= weight * (_KIND_BITS + terms):
            break
        basis = np.empty((len(rows), terms))
        _evaluate(cosines(), kind, rows, columns, box, ORDERS, basis)
        gram = basis.T @ basis
        gram[np.diag_indices(terms)] *= 1 + _RIDGE
        solution = np.linalg.solve(gram + np.eye(terms) * _FLOOR, basis.T @ residual)
        numbers = np.rint(solution * (64 / step)).astype(np.int64)
        if np.abs(numbers).max() > LARGEST_COEFFICIENT:
            continue
        error = share * float(np.square(residual - basis @ (numbers * (step / 64))).sum())
        cost = error + weight * _bits(numbers)
        if cost < least:
            least, best = cost, (kind, np.pad(numbers.T, ((0, 0), (0, MOST_TERMS - terms))))
    return best


def _bits(numbers: Array) -> float:
    """An estimate of the bits of coefficients."""
    sizes = np.abs(numbers)
    return float(_KIND_BITS + np.where(sizes > 0, 2.2 + 1.4 * np.log2(np.maximum(sizes, 1)), 0.7).sum())


@compiled
def _evaluate(cosine: Array, kind: int, rows: Array, columns: Array, box: Array, orders: Array, basis: Array) -> None:
    """Set the terms (N, terms) of a kind at rows and columns of a box."""
    for index in range(rows.size):
        for term in range(basis.shape[1]):
            row = basis_value(cosine, kind, term, int(rows[index]), int(box[0]), 0, orders)
            column = basis_value(cosine, kind, term, int(columns[index]), int(box[1]), 1, orders)
            basis[index, term] = (row * column >> 14) / 16384.0
