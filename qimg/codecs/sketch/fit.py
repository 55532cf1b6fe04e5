"""Fit of a sketch to a picture: growth from the residual, and damped Gauss-Newton steps on a nested squared error."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import ssyrk
from scipy.ndimage import gaussian_filter

from qimg.codecs.sketch.geometry import numbers_of
from qimg.codecs.sketch.jacobian import LEVEL, Grid, add
from qimg.core import Array
from qimg.core.records import short_repr

DAMPING = 1e-2
"""Of the first step after the ellipses have changed."""
_SCALES = (0.012, 0.02, 0.03, 0.045, 0.07, 0.1, 0.15, 0.22)
_BATCH = 4
Cuts = Sequence[tuple[int, float]]
"""Numbers of ellipses with the weight of the squared error of that many."""


@short_repr
@dataclass(eq=False)
class Fit:
    """A sketch that is fitted; the functions of this module modify it."""

    grid: Grid
    target: Array
    """(planes, H, W) float32, level-shifted."""
    base: Array
    """(planes, coefficients)."""
    ellipses: Array
    """(n, 9 or 11) parameters."""
    damping: float = field(default=DAMPING)


def start(grid: Grid, target: Array) -> Fit:
    """A sketch without ellipses: the projection of a picture on the cosines of the base."""
    base = np.tensordot(target, grid.cosines, ((1, 2), (1, 2))) / target[0].size
    return Fit(grid, target.astype(np.float32), base.astype(float), np.zeros((0, numbers_of(len(target)))))


def picture(fit: Fit, ellipses: Array | None = None) -> Array:
    """Values (planes, H, W) float32 of a sketch."""
    values = np.tensordot(fit.base, fit.grid.cosines, 1).astype(np.float32)
    for one in fit.ellipses if ellipses is None else ellipses:
        add(fit.grid, one, values)
    return values


def error(fit: Fit, cuts: Cuts) -> float:
    """Weighted sum of the squared errors of the first ellipses."""
    weights, total = dict(cuts), 0.0
    values = picture(fit, fit.ellipses[:0])
    for count in range(len(fit.ellipses) + 1):
        if count in weights:
            total += weights[count] * float(np.square(fit.target - values).sum())
        if count < len(fit.ellipses):
            add(fit.grid, fit.ellipses[count], values)
    return total


def grow(fit: Fit, count: int, *, steps: int = 2) -> None:
    """Add ellipses up to a number, a few at a time, each followed by steps of `improve`."""
    while len(fit.ellipses) < count:
        add_seeds(fit, min(_BATCH, count - len(fit.ellipses)))
        fit.damping = DAMPING
        improve(fit, steps)


def add_seeds(fit: Fit, count: int) -> None:
    """Append round ellipses where the residual is largest, one after the other."""
    residual = fit.target - picture(fit)
    for _ in range(count):
        fit.ellipses = np.vstack([fit.ellipses, _seed(fit, residual)])


def improve(fit: Fit, steps: int, cuts: Cuts | None = None, *, first: int = 0, with_base: bool = True) -> None:
    """Levenberg-Marquardt steps on Σ weight · ‖error of the first ellipses‖².

    The Hessian of a pair of parameters is the product of their derivatives, times the weights of all cuts that contain
    both of their ellipses. Cost of a step: O(parameters² · pixels).

    Args:
        fit: modified.
        steps: number of steps.
        cuts: the nested errors, by default that of all ellipses.
        first: ellipses before it are fixed.
        with_base: whether the base is free.
    """
    cuts = cuts or [(len(fit.ellipses), 1.0)]
    for _ in range(steps):
        hessian, gradient = normal_equations(fit, cuts, first=first, with_base=with_base)
        if not step(fit, hessian, gradient, cuts, first=first, with_base=with_base):
            return


def normal_equations(fit: Fit, cuts: Cuts, *, first: int, with_base: bool) -> tuple[Array, Array]:
    """Gauss-Newton matrix and negative gradient over the parameters of ellipses from `first` on, then of the base."""
    planes, weights, count = len(fit.target), dict(cuts), len(fit.ellipses)
    each, terms = fit.ellipses.shape[1], fit.base.shape[1]
    free = (count - first) * each
    slopes = np.zeros((free + (terms * planes if with_base else 0), *fit.target.shape), np.float32)
    values, residuals = picture(fit, fit.ellipses[:0]), {}
    for place, one in enumerate(fit.ellipses):
        if place in weights:
            residuals[place] = (fit.target - values).ravel()
        begin = (place - first) * each
        add(fit.grid, one, values, slopes[begin : begin + each] if place >= first else None)
    residuals[count] = (fit.target - values).ravel()
    if with_base:
        for plane in range(planes):
            slopes[free + plane * terms : free + (plane + 1) * terms, plane] = fit.grid.cosines
    matrix = slopes.reshape(len(slopes), -1)
    products = ssyrk(1.0, matrix.T, trans=1, lower=0).astype(float)
    products = np.triu(products) + np.triu(products, 1).T
    owner = np.concatenate([np.repeat(np.arange(first, count), each), np.full(len(slopes) - free, -1)])
    contained = np.array([sum(weight for cut, weight in cuts if cut > one) for one in range(-1, count)])
    gradient = np.zeros(len(slopes))
    for cut, weight in cuts:
        gradient += weight * np.where(owner < cut, matrix @ residuals[cut], 0)
    return products * contained[np.maximum.outer(owner, owner) + 1], gradient


def step(fit: Fit, hessian: Array, gradient: Array, cuts: Cuts, *, first: int, with_base: bool) -> bool:
    """Take the step that lowers the error, with more damping if necessary; whether there is one.

    Arguments as for `improve` and as `normal_equations` returns them.
    """
    before, base, ellipses = error(fit, cuts), fit.base, fit.ellipses
    diagonal = np.diag(hessian)
    floor = 1e-7 * diagonal.max() + 1e-9
    free = (len(ellipses) - first) * ellipses.shape[1]
    for _ in range(6):
        try:
            change = cho_solve(cho_factor(hessian + np.diag(fit.damping * diagonal + floor)), gradient)
        except LinAlgError:
            fit.damping *= 5
            continue
        moved = change[:free].reshape(-1, ellipses.shape[1]).copy()
        moved[:, 2:6] = np.clip(moved[:, 2:6], -0.5, 0.5)
        fit.ellipses = ellipses.copy()
        fit.ellipses[first:] += moved
        _confine(fit)
        if with_base:
            fit.base = base + change[free:].reshape(base.shape)
        if error(fit, cuts) < before:
            fit.damping = max(0.4 * fit.damping, 1e-5)
            return True
        fit.damping = min(5 * fit.damping, 10.0)
    fit.base, fit.ellipses = base, ellipses
    return False


def _confine(fit: Fit) -> None:
    """Keep parameters in the ranges of the code."""
    some = fit.ellipses
    some[:, 0] = np.clip(some[:, 0], 0, fit.grid.rows[-1] + fit.grid.rows[0])
    some[:, 1] = np.clip(some[:, 1], 0, fit.grid.columns[-1] + fit.grid.columns[0])
    some[:, 2:4] = np.clip(some[:, 2:4], np.log(0.008), np.log(1.9))
    some[:, 4] = np.clip(some[:, 4], -12, 12)
    some[:, 5] = np.clip(some[:, 5], -4 * np.log(2), 0.5 * np.log(2))


def _seed(fit: Fit, residual: Array) -> Array:
    """A round ellipse where the residual of luma is largest at some scale; it is subtracted from the residual."""
    rows, columns = fit.grid.rows, fit.grid.columns
    pitch = rows[1] - rows[0] if rows.size > 1 else 1.0
    best: tuple[float, int, float] | None = None
    for scale in _SCALES:
        deviation = scale / pitch
        smooth = gaussian_filter(residual[0], deviation, mode="constant")
        gain = np.square(smooth) * deviation**2
        place = int(gain.argmax())
        if best is None or gain.flat[place] > best[0]:
            best = float(gain.flat[place]), place, scale
    assert best is not None
    row, column = divmod(best[1], columns.size)
    seed = np.zeros(fit.ellipses.shape[1])
    seed[:6] = rows[row], columns[column], *[np.log(1.5 * best[2])] * 2, 0, np.log(0.5)
    seed[LEVEL] = 1
    profile = np.zeros_like(residual)
    add(fit.grid, seed, profile)
    levels = np.tensordot(residual, profile[0], 2) / max(float(np.square(profile[0]).sum()), 1e-9)
    seed[LEVEL], seed[LEVEL + 3 :] = levels[0], levels[1:]
    add(fit.grid, seed, residual, sign=-1.0)
    return seed


def prune(fit: Fit, count: int) -> None:
    """Remove the ellipses of least energy."""
    energy = energies(fit)
    fit.ellipses = fit.ellipses[np.sort(np.argsort(energy)[count:])]


def energies(fit: Fit) -> Array:
    """Energy of each ellipse on the grid."""
    values = np.zeros(len(fit.ellipses))
    for place, one in enumerate(fit.ellipses):
        alone = np.zeros_like(fit.target)
        add(fit.grid, one, alone)
        values[place] = np.square(alone).sum()
    return values
