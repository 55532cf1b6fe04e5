"""Multiplexed rotations: one qubit is rotated by an angle for each basis state of others, with few RY and CX.

The angle of basis state x is f(x) = Σ_s c_s (−1)^{|s & x|}. Each coefficient of this Walsh series is one RY between CX
that add the parity of the bits in s to the target. These rotations commute, so that their order is free. A coefficient
of zero saves its rotation and the CX that only it needs.
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
"""Angle below which a coefficient is treated as zero."""


def walsh_coefficients(angles: ArrayLike) -> Array:
    """Coefficients c_s of f(x) = Σ_s c_s (−1)^{|s & x|} along the last axis. Cost: O(p 2ᵖ).

    >>> walsh_coefficients([3.0, 1.0])
    array([2., 1.])
    """
    values = vectors("angles", angles)
    return np.asarray(forward("walsh", values) / np.sqrt(values.shape[-1]))


def walsh_angles(coefficients: ArrayLike) -> Array:
    """Angles f(x) from their coefficients, the inverse of `walsh_coefficients`."""
    values = vectors("coefficients", coefficients)
    return np.asarray(forward("walsh", values) * np.sqrt(values.shape[-1]))


def keep_largest(coefficients: ArrayLike, share: float) -> Array:
    """The coefficients with all but the largest `share` of them set to zero, counted over the whole array.

    The mean square change of the angles is the sum of c_s² over the coefficients set to zero.
    """
    values = real("coefficients", coefficients)
    count = round(fraction("share", share) * values.size)
    out = np.zeros_like(values)
    # Stable, so that the choice among equal magnitudes is the same on every machine.
    largest = np.argsort(-np.abs(values), axis=None, kind="stable")[:count]
    out.flat[largest] = values.flat[largest]
    return out


def parity_path(coefficients: ArrayLike) -> Array:
    """The parities s ≠ 0 with a nonzero coefficient, in an order with few bit flips; the path then returns to 0.

    Each bit flip between neighbours is a CX. If all 2ᵖ − 1 parities are present, the Gray code has one flip for each.
    Otherwise the result is the shorter of the Gray code and a greedy walk that always steps to the nearest remaining
    parity, and among equally near ones to that with the fewest remaining neighbours.

    Args:
        coefficients: (2**p,).
    """
    values = real("coefficients", coefficients)
    length = values.shape[-1]
    power = values.ndim == 1 and length & (length - 1) == 0
    require_shape(power, "coefficients", "(2**p,)", values)
    present = np.abs(values) > VANISHING
    present[0] = False
    masks = np.flatnonzero(present)
    if len(masks) == 0:
        return masks
    gray = masks[np.argsort(-_gray_rank(masks), kind="stable")]
    if len(masks) == length - 1:
        return gray
    single = 1 << np.arange(length.bit_length() - 1)
    double = np.array([a | b for a, b in combinations(single.tolist(), 2)], dtype=np.int64)
    walk = _walk(present, masks, single, double)[::-1]
    return min(gray, walk, key=_flips)


def rotation_cost(coefficients: ArrayLike) -> GateCount:
    """Gates of `append_rotation`, counted without building the circuit."""
    path = parity_path(coefficients)
    first = float(np.ravel(coefficients)[0])
    if len(path) == 0:
        return GateCount(cx=0, one_qubit=int(abs(first) > VANISHING))
    return GateCount(cx=_flips(path), one_qubit=len(path) + int(abs(first - np.pi / 2) > VANISHING))


def gray_rotation_cost(coefficients: ArrayLike) -> GateCount:
    """Gates in the order of the closed Gray code, as in QPIXL (Amankwah et al., 2022).

    Between two consecutive rotations there is one CX for each bit in which their parities differ.
    """
    values = real("coefficients", coefficients)
    present = np.abs(values) > VANISHING
    present[0] = True
    masks = np.flatnonzero(present)
    cycle = masks[np.argsort(_gray_rank(masks), kind="stable")]
    return GateCount(cx=_flips(cycle), one_qubit=int((np.abs(values) > VANISHING).sum()))


def append_rotation(circuit: QuantumCircuit, coefficients: ArrayLike, controls: list[int], target: int) -> None:
    """Append the rotation of a target in |0⟩ by f(x), where x is the basis state of the controls, little-endian.

    It begins with RY(π/2). A CX does not change a target in |+⟩, so that the path may start at any parity. A full table
    takes 2ᵖ RY and 2ᵖ − 1 CX, one less than the closed Gray cycle (Möttönen et al., 2004).

    Args:
        circuit: circuit that is extended.
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
def _nearest(current: int, remaining: Array, flips: Array) -> int:
    """The remaining mask `current` ^ flip with the fewest remaining neighbours; −1 if there is none."""
    best, fewest = -1, 1 << 30
    for flip in flips:
        candidate = current ^ flip
        if remaining[candidate]:
            degree = 0
            bit = 1
            while bit < remaining.shape[0]:
                degree += remaining[candidate ^ bit]
                bit <<= 1
            if degree < fewest:
                best, fewest = candidate, degree
    return best


@compiled(allocates=True)
def _walk(present: Array, masks: Array, single: Array, double: Array) -> Array:
    """All masks in the order of a greedy walk from 0, each step to the nearest remaining one."""
    remaining = present.copy()
    path = np.empty(masks.shape[0], np.int64)
    current = 0
    for step in range(masks.shape[0]):
        best = _nearest(current, remaining, single)
        if best < 0:
            best = _nearest(current, remaining, double)
        if best < 0:
            nearest = 1 << 30
            for mask in masks:
                if remaining[mask]:
                    rest, distance = mask ^ current, 0
                    while rest:
                        rest &= rest - 1
                        distance += 1
                    if distance < nearest:
                        best, nearest = mask, distance
        remaining[best] = False
        path[step] = best
        current = best
    return path
