"""Trains of the lowest Fourier or cosine modes of a picture: exact, of small bond, with an error known beforehand."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, one_of, real, require, require_shape
from qimg.core.records import short_repr
from qimg.tensor_train.decomposition import compress
from qimg.tensor_train.layouts import layout
from qimg.tensor_train.pictures import PictureTrain
from qimg.tensor_train.train import TensorTrain

BASES = ("cosine", "fourier")


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class FourierTrain:
    """The train of a picture's lowest modes, and bounds that follow from the weight of the others."""

    train: PictureTrain
    """Row-major train of the padded picture's projection onto the modes."""
    coefficients: Array
    """Coefficients (rows, columns) of the orthonormal modes, lowest first."""
    discarded_weight: float
    """Squared error as a share of the padded picture's energy, which is the weight of all other modes (Parseval)."""
    bound: float
    """Largest discarded weight of `decompose` of the padded picture, row-major, at a bond of 2 · modes − 1."""


def fourier_train(picture: ArrayLike, *, modes: int, basis: str = "cosine") -> FourierTrain:
    """The exact train of the projection of a picture onto its lowest Fourier or cosine modes in both directions.

    A mode e^{iωx} is a product over the bits of x. The cosine and the sine of one frequency therefore need a bond of 2,
    the constant a bond of 1, and every cut of the row-major train at most 2 · `modes` − 1 (Jobst et al., 2024). Exact
    up to rounding, without a decomposition of the picture. Cost: O(pixels · modes) and cores of bond 2 · `modes` − 1.

    A state whose modes in one direction beyond this number have the weight τ has at each cut within that direction a
    train of this bond with an error of at most τ. A sweep adds the errors of its cuts; `bound` is that sum.

    Args:
        picture: (H, W), not zero; sides that are not powers of two are padded by repeating the edge, at least 2 pixels.
        modes: frequencies of each direction, the constant included; at most half of the shorter padded side.
        basis: "cosine", cos(πk(x + ½)/N), whose even extension has no jump at the edges; "fourier", cosines and sines
            of 2πkx/N.

    >>> fourier_train([[1.0, 2.0], [3.0, 6.0]], modes=1).train.picture()
    array([[3., 3.],
           [3., 3.]])
    """
    pixels = real("picture", picture)
    require_shape(pixels.ndim == 2, "picture", "(H, W)", pixels)
    plan = layout(pixels.shape, "row_major")
    padded = plan.pad(pixels)
    one_of("basis", basis, BASES)
    integer("modes", modes, 1, max(1, min(padded.shape) // 2))
    energy = float((padded**2).sum())
    require(energy > 0, "picture", "must not be zero", energy)
    rows, columns = (_modes(length, modes, basis) for length in padded.shape)
    in_rows, in_columns = rows.functions @ padded, padded @ columns.functions.T
    coefficients = in_rows @ columns.functions.T
    cores = _cores(rows, range(plan.row_bits)[::-1])
    cores += [core.transpose(2, 1, 0) for core in _cores(columns, range(plan.column_bits))[::-1]]
    middle = rows.selection.T @ coefficients @ columns.selection
    sites = plan.row_bits
    if sites:
        cores[sites - 1] = np.tensordot(cores[sites - 1], middle, axes=1)
    else:
        cores[0] = np.tensordot(middle, cores[0], axes=1)
    bond = 2 * modes - 1
    bound = 0.0
    for cut in range(1, plan.row_bits + plan.column_bits):
        if min(cut, plan.row_bits + plan.column_bits - cut) >= bond.bit_length():  # both sides are larger than the bond
            part = in_rows if cut <= plan.row_bits else in_columns
            bound += max(0.0, 1 - float((part**2).sum()) / energy)
    return FourierTrain(
        train=PictureTrain(train=compress(TensorTrain(cores)).train, layout=plan, offset=np.zeros(())),
        coefficients=coefficients,
        discarded_weight=max(0.0, 1 - float((coefficients**2).sum()) / energy),
        bound=bound,
    )


class _Modes(NamedTuple):
    """Modes of one direction as functions of a rotating state: functions[k, x] = selection[k] · ∏ rotations · start."""

    frequencies: Array
    """(modes,) angles for one pixel, the constant first."""
    start: Array
    """(2 · modes − 1,) the state at pixel 0: 1, then the cosine and the sine of each phase."""
    selection: Array
    """(functions, 2 · modes − 1)."""
    functions: Array
    """(functions, pixels) with orthonormal rows."""


def _modes(length: int, modes: int, basis: str) -> _Modes:
    period, shift = (2 * length, 0.5) if basis == "cosine" else (length, 0.0)
    frequencies = 2 * np.pi * np.arange(modes) / period
    phases = frequencies[1:] * shift
    start = np.concatenate([[1.0], np.stack([np.cos(phases), np.sin(phases)], axis=1).reshape(-1)])
    scale = np.full(2 * modes - 1, np.sqrt(2 / length))
    scale[0] = np.sqrt(1 / length)
    selection = np.diag(scale)
    if basis == "cosine":
        selection = np.concatenate([selection[:1], selection[1::2]])
    angles = frequencies[1:, None] * (np.arange(length) + shift)
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(-1, length)
    functions = selection @ np.concatenate([np.ones((1, length)), waves])
    return _Modes(frequencies, start, selection, functions)


def _cores(modes: _Modes, bits: Iterable[int]) -> list[Array]:
    """Cores of bits whose product, with a first bond of 1, is the state at a pixel; all rotations commute."""
    size = len(modes.start)
    cores = []
    for bit in bits:
        core = np.zeros((size, 2, size))
        core[:, 0] = np.eye(size)
        core[0, 1, 0] = 1.0
        for number, frequency in enumerate(modes.frequencies[1:]):
            at = 1 + 2 * number
            cosine, sine = np.cos(frequency * 2**bit), np.sin(frequency * 2**bit)
            core[at : at + 2, 1, at : at + 2] = [[cosine, sine], [-sine, cosine]]  # acts on row vectors from the right
        cores.append(core)
    if cores:
        cores[0] = np.tensordot(modes.start[None], cores[0], axes=1)
    return cores
