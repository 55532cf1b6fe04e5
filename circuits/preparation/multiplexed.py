"""Preparation of any state by multiplexed rotations: a closed form, for states that no fit and no isometry reaches."""

import numpy as np

from circuits.preparation.ansatz import Preparation, angles_before
from qimg.core import Array
from qimg.transforms import forward


def multiplexed(amplitudes: Array) -> Preparation:
    """The circuit of multiplexed RY (Möttönen et al., 2005), then, if complex, of multiplexed RZ.

    It has 2ⁿ − 2 CX for real states and twice as many for complex ones. Exact up to rounding for every state.

    Args:
        amplitudes: (2**n,) of norm 1.
    """
    n = len(amplitudes).bit_length() - 1
    imaginary = np.iscomplexobj(amplitudes)
    cascades = 2 if imaginary else 1
    one_cascade = [pair for controls in range(n) for pair in cycle(n, controls)]
    pairs = np.array(one_cascade * cascades, np.int64).reshape(-1, 2)
    angles = np.zeros(angles_before(n, len(pairs), imaginary) + imaginary)
    tree = moduli_angles(np.abs(amplitudes) if imaginary else amplitudes)
    _place(angles, 0, tree, n, imaginary, RY_OFFSET)
    if imaginary:
        phases, layers = np.angle(amplitudes), []
        for _ in range(n):  # from qubit 0 upwards: the angle between the two halves is an RZ, their mean is passed on
            halves = phases.reshape(-1, 2)
            layers.append(halves[:, 1] - halves[:, 0])
            phases = halves.mean(axis=1)
        _place(angles, len(one_cascade), layers[::-1], n, imaginary, RZ_OFFSET)
        angles[-1] = 2 * phases[0]
    return Preparation(n_qubits=n, pairs=pairs, angles=angles, imaginary=imaginary, infidelity=0.0)


RY_OFFSET, RZ_OFFSET = 0, 1
"""Position of a kind of rotation among those of a block of the ansatz."""


def cycle(n_qubits: int, controls: int) -> list[tuple[int, int]]:
    """CX (control, target) of a multiplexed rotation of qubit n − 1 − `controls` by the higher ones, in a Gray code."""
    target = n_qubits - 1 - controls
    count = 2**controls
    # The control is the bit of the Gray code that changes next; the last CX closes the cycle.
    flipped = [gray(step) ^ gray((step + 1) % count) for step in range(count)]
    return [(target + one.bit_length(), target) for one in flipped] if controls else []


def gray(index: int) -> int:
    """The Gray code of an index."""
    return index ^ (index >> 1)


def gray_angles(rotations: Array) -> Array:
    """Angles (..., 2**controls) between the CX of `cycle`, from those of each basis state of the controls."""
    index = np.arange(rotations.shape[-1])
    # A multiplexed rotation by α_b is Σ_i ±θ_i with the signs of the Gray code, a Walsh transform in its order.
    return np.asarray(forward("walsh", rotations)[..., index ^ (index >> 1)] / np.sqrt(len(index)))


def moduli_angles(vectors: Array) -> list[Array]:
    """RY angles (..., 2**k) of qubit n − 1 − k for each basis state of the qubits above it, from real vectors."""
    n = vectors.shape[-1].bit_length() - 1
    layers = []
    for controls in range(n):
        halves = vectors.reshape(*vectors.shape[:-1], 2**controls, 2, -1)
        if halves.shape[-1] == 1:
            low, high = halves[..., 0, 0], halves[..., 1, 0]
        else:
            low, high = np.moveaxis(np.linalg.norm(halves, axis=-1), -1, 0)
        layers.append(2 * np.arctan2(high, low))
    return layers


def _place(angles: Array, first: int, layers: list[Array], n: int, imaginary: bool, offset: int) -> None:
    """Write the angles of one cascade, whose blocks begin at `first`, into those of the ansatz.

    The first rotation of a qubit precedes its first CX of the cascade: it belongs to the layer before all CX or, in the
    second cascade, to the last CX of the first one, after which the qubit is only a control.
    """
    before, block = None if first == 0 else -1, first
    for controls, rotations in enumerate(layers):
        target = n - 1 - controls
        steps = gray_angles(rotations)
        size = 2**controls if controls else 0
        if before is None or size == 0:
            angles[offset * n + target] = steps[0]
        else:
            angles[angles_before(n, block - first + size - 1, imaginary) + 2 * offset + 1] = steps[0]
        for step in range(1, len(steps)):
            angles[angles_before(n, block + step - 1, imaginary) + 2 * offset + 1] = steps[step]
        block += size
