"""Rotations of two real qubits, SO(4): the nearest one to a matrix, and the circuit of two CX and six RY.

SO(4) consists of the products of two commuting groups of unit quaternions, g = Σ_ij p_i q_j L_i R_j with ‖p‖ = ‖q‖ = 1.
With the generators L₁ = RY of the first qubit, L₂ = RY of the second qubit between two CX, R₁ = RY of the second and
R₂ = RY of the first between two CX, the Euler angles of p and q are the six angles of the circuit

    RY ⊗ RY · CX · RY ⊗ RY · CX · RY ⊗ RY.
"""

import numpy as np

from qimg.core import Array
from qimg.core.compiled import compiled

_TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
"""−iY, twice the derivative of RY by its angle."""

_CX = np.eye(4)[[0, 1, 3, 2]]
"""CX of the first qubit, the higher digit of the index, on the second."""


def _quaternions(first: Array, second: Array) -> Array:
    return np.stack([np.eye(4), first, second, first @ second])


_FIRST, _SECOND = np.kron(_TURN, np.eye(2)), np.kron(np.eye(2), _TURN)
_LEFT = _quaternions(_FIRST, _CX @ _SECOND @ _CX)
_RIGHT = _quaternions(_SECOND, _CX @ _FIRST @ _CX)

_BASIS = np.einsum("iab,jbc->ijac", _LEFT, _RIGHT)
"""(4, 4, 4, 4) L_i R_j: signed permutations, orthogonal to each other, of squared norm 4."""

COLUMNS = np.abs(_BASIS).argmax(axis=-1)
"""(4, 4, 4) column of the entry of each row of L_i R_j that is not zero."""

SIGNS = np.take_along_axis(_BASIS, COLUMNS[..., None], axis=-1)[..., 0]
"""(4, 4, 4) this entry, 1 or −1."""

_SQUARINGS = 6
"""Squarings of the matrix of the power iteration, which therefore takes 64 steps."""


@compiled(allocates=True, fastmath=True)
def turn_to(matrices: Array, gates: Array, columns: Array, signs: Array) -> None:
    """Replace gates g by rotations with a larger tr(gᵀM), in place; at convergence by the one with the largest.

    tr(gᵀM) = pᵀ N q is bilinear in the quaternions, so the largest value is the largest singular value of N. It is
    approached by a power iteration that starts from the present q, which never decreases tr(gᵀM).

    Args:
        matrices: (4, 4, lanes) M.
        gates: (4, 4, lanes) g.
        columns: `COLUMNS`.
        signs: `SIGNS`.
    """
    n, s, t = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    p, q = np.empty(4), np.empty(4)
    for w in range(gates.shape[2]):
        largest, row = 0.0, 0
        for i in range(4):
            size = 0.0
            for j in range(4):
                wanted, present = 0.0, 0.0
                for b in range(4):
                    wanted += signs[i, j, b] * matrices[b, columns[i, j, b], w]
                    present += signs[i, j, b] * gates[b, columns[i, j, b], w]
                n[i, j] = wanted
                t[i, j] = present
                size += present * present
            if size > largest:
                largest, row = size, i
        for j in range(4):
            q[j] = t[row, j]  # the matrix of the present gate is 4 p qᵀ
        for i in range(4):
            for j in range(4):
                total = 0.0
                for k in range(4):
                    total += n[k, i] * n[k, j]
                s[i, j] = total
        for _ in range(_SQUARINGS):
            trace = s[0, 0] + s[1, 1] + s[2, 2] + s[3, 3]
            factor = 1.0 / trace if trace > 1e-300 else 0.0
            for i in range(4):
                for j in range(4):
                    s[i, j] *= factor
            for i in range(4):
                for j in range(4):
                    total = 0.0
                    for k in range(4):
                        total += s[i, k] * s[k, j]
                    t[i, j] = total
            s[:, :] = t
        size = 0.0
        for i in range(4):
            total = 0.0
            for j in range(4):
                total += s[i, j] * q[j]
            p[i] = total
            size += total * total
        if size < 1e-200:  # every rotation is as good
            continue
        q[:] = p / np.sqrt(size)
        size = 0.0
        for i in range(4):
            total = 0.0
            for j in range(4):
                total += n[i, j] * q[j]
            p[i] = total
            size += total * total
        if size < 1e-200:
            continue
        p /= np.sqrt(size)
        for b in range(4):
            for a in range(4):
                gates[b, a, w] = 0.0
        for i in range(4):
            for j in range(4):
                for b in range(4):
                    gates[b, columns[i, j, b], w] += signs[i, j, b] * p[i] * q[j]


def rotation_angles(gates: Array) -> Array:
    """Angles (..., 3, 2) of RY on the first and the second qubit before, between and after the CX of each rotation.

    Exact up to rounding for every rotation.

    Args:
        gates: (..., 4, 4) in SO(4); the first qubit is the higher digit of the index and the control of both CX.
    """
    products = np.einsum("ijab,...ab->...ij", _BASIS, gates) / 4  # p qᵀ
    left, _, right = np.linalg.svd(products)
    p, q = left[..., 0], right[..., 0, :]
    # The sign of an SVD's pair of vectors is free; the product of both must be the matrix.
    p = p * np.sign(np.einsum("...i,...ij,...j->...", p, products, q))[..., None]
    (before_first, between_second, after_first), (before_second, between_first, after_second) = _euler(p), _euler(q)
    first = np.stack([before_first, between_first, after_first], axis=-1)
    second = np.stack([before_second, between_second, after_second], axis=-1)
    return np.stack([first, second], axis=-1)


def _euler(quaternions: Array) -> tuple[Array, Array, Array]:
    """Angles (γ, β, α) of e^{α L₁/2} e^{β L₂/2} e^{γ L₁/2}."""
    one, along, across, both = np.moveaxis(quaternions, -1, 0)
    between = 2 * np.arctan2(np.hypot(across, both), np.hypot(one, along))
    total, difference = 2 * np.arctan2(along, one), 2 * np.arctan2(both, across)
    return (total - difference) / 2, between, (total + difference) / 2
