"""Rotations of one qubit by an angle for each basis state of others, from RY and CX alone, and fewer of both.

The angle of basis state x is f(x) = Σ_s c_s (−1)^{|s & x|}. Each coefficient of this Walsh series is one RY between CX
that write the parity of the bits in s on the target. All these rotations commute, so their order is free, and a
vanishing or dropped coefficient saves its rotation and the CX that led to it alone.
"""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount
from qimg.core import Array, fraction, real, require_shape, vectors
from qimg.core.compiled import compiled
from qimg.transforms import forward

VANISHING = 1e-12
"""Angle below which rounding explains a coefficient."""


def walsh_coefficients(angles: ArrayLike) -> Array:
    """Coefficients c_s of f(x) = Σ_s c_s (−1)^{|s & x|} along the last axis. Cost: O(p 2ᵖ).

    >>> walsh_coefficients([3.0, 1.0])
    array([2., 1.])
    """
    values = vectors("angles", angles)
    return np.asarray(forward("walsh", values) / np.sqrt(values.shape[-1]))


def walsh_angles(coefficients: ArrayLike) -> Array:
    """Angles f(x) from the coefficients of `walsh_coefficients`: its inverse."""
    values = vectors("coefficients", coefficients)
    return np.asarray(forward("walsh", values) * np.sqrt(values.shape[-1]))


def keep_largest(coefficients: ArrayLike, share: float) -> Array:
    """The coefficients with all but the largest `share` of them set to zero, counted over the whole array.

    Dropping them changes the angles by Σ c_s², summed over what is dropped, in mean square.
    """
    values = real("coefficients", coefficients)
    kept = round(fraction("share", share) * values.size)
    out = np.zeros_like(values)
    # Stable, so that equal magnitudes are kept in one order on every machine.
    largest = np.argsort(-np.abs(values), axis=None, kind="stable")[:kept]
    out.flat[largest] = values.flat[largest]
    return out


def parity_path(coefficients: ArrayLike) -> Array:
    """The parities s ≠ 0 with a coefficient, in an order with few bit flips; from the last one the path goes on to 0.

    The flips between neighbours are the CX. A Gray code has one for each parity when all are there (2ᵖ − 1). With gaps,
    a walk is taken that always steps to the nearest parity left, among equals to the one with the fewest neighbours
    left, and the shorter of both is kept: 1.05 CX for each parity where a photograph keeps 25 %.

    Args:
        coefficients: (2**p,).
    """
    values = real("coefficients", coefficients)
    length = values.shape[-1]
    power = values.ndim == 1 and length & (length - 1) == 0
    require_shape(power, "coefficients", "(2**p,)", values)
    kept = np.abs(values) > VANISHING
    kept[0] = False
    masks = np.flatnonzero(kept)
    if len(masks) == 0:
        return masks
    gray = masks[np.argsort(-_gray_rank(masks), kind="stable")]
    if len(masks) == length - 1:
        return gray
    single = 1 << np.arange(length.bit_length() - 1)
    double = np.array([a | b for a, b in combinations(single.tolist(), 2)], dtype=np.int64)
    walk = _walk(kept, masks, single, double)[::-1]
    return min(gray, walk, key=_flips)


def rotation_cost(coefficients: ArrayLike) -> GateCount:
    """Gates of `append_rotation`, without building them: a million gates are counted in a second."""
    path = parity_path(coefficients)
    first = float(np.ravel(coefficients)[0])
    if len(path) == 0:
        return GateCount(cx=0, one_qubit=int(abs(first) > VANISHING))
    return GateCount(cx=_flips(path), one_qubit=len(path) + int(abs(first - np.pi / 2) > VANISHING))


def gray_rotation_cost(coefficients: ArrayLike) -> GateCount:
    """The same in the order of the Gray code, closed to a cycle: what QPIXL builds (Amankwah et al., 2022).

    The CX between two rotations that are kept join: one for each bit in which their parities differ.
    """
    values = real("coefficients", coefficients)
    kept = np.abs(values) > VANISHING
    kept[0] = True
    masks = np.flatnonzero(kept)
    cycle = masks[np.argsort(_gray_rank(masks), kind="stable")]
    return GateCount(cx=_flips(cycle), one_qubit=int((np.abs(values) > VANISHING).sum()))


def append_rotation(circuit: QuantumCircuit, coefficients: ArrayLike, controls: list[int], target: int) -> None:
    """Append the rotation of a target in |0⟩ by f(x), x being the basis state of the controls, little-endian.

    It begins with RY(π/2): a CX does nothing to a target in |+⟩, so that the path may start at any parity. A full table
    takes 2ᵖ RY and 2ᵖ − 1 CX, one less than the closed Gray cycle (Möttönen et al., 2004).

    Args:
        circuit: is appended to.
        coefficients: (2**p,) of `walsh_coefficients`.
        controls: p qubits.
        target: a qubit in |0⟩.
    """
    values = real("coefficients", coefficients)
    require_shape(values.shape == (2 ** len(controls),), "coefficients", f"({2 ** len(controls)},)", values)
    path = parity_path(values).tolist()
    if not path:
        if abs(values[0]) > VANISHING:
            circuit.ry(float(values[0]), target)
        return
    circuit.ry(float(np.pi / 2 + values[path[0]]), target)
    for mask, following in zip(path, [*path[1:], 0], strict=True):
        flipped = mask ^ following
        for bit in range(flipped.bit_length()):
            if flipped >> bit & 1:
                circuit.cx(controls[bit], target)
        angle = values[following] - (0 if following else np.pi / 2)
        if abs(angle) > VANISHING:
            circuit.ry(float(angle), target)


def _gray_rank(codes: Array) -> Array:
    rank = codes.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        rank ^= rank >> shift
    return rank


def _flips(path: Array) -> int:
    return int(np.bitwise_count(path ^ np.append(path[1:], 0)).sum())


@compiled
def _nearest(here: int, left: Array, flips: Array) -> int:
    """Of the masks left at `here` ^ flip, the one with the fewest neighbours left; −1 if there is none."""
    best, fewest = -1, 1 << 30
    for flip in flips:
        there = here ^ flip
        if left[there]:
            degree = 0
            bit = 1
            while bit < left.shape[0]:
                degree += left[there ^ bit]
                bit <<= 1
            if degree < fewest:
                best, fewest = there, degree
    return best


@compiled(allocates=True)
def _walk(kept: Array, masks: Array, single: Array, double: Array) -> Array:
    """All masks, from the neighbourhood of 0 on, each step to the nearest one left."""
    left = kept.copy()
    path = np.empty(masks.shape[0], np.int64)
    here = 0
    for step in range(masks.shape[0]):
        best = _nearest(here, left, single)
        if best < 0:
            best = _nearest(here, left, double)
        if best < 0:
            nearest = 1 << 30
            for mask in masks:
                if left[mask]:
                    rest, distance = mask ^ here, 0
                    while rest:
                        rest &= rest - 1
                        distance += 1
                    if distance < nearest:
                        best, nearest = mask, distance
        left[best] = False
        path[step] = best
        here = best
    return path
