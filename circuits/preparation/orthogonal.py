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


_SMALLEST = 1e-200
"""Squared norm below which every rotation is as good."""


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
    lanes = gates.shape[2]
    wanted, present = _in_quaternions(matrices, columns, signs), _in_quaternions(gates, columns, signs)
    q = _largest_row(present)  # the matrix of the present gate is 4 p qᵀ
    power, square, transposed = np.empty((4, 4, lanes)), np.empty((4, 4, lanes)), np.empty((4, 4, lanes))
    for i in range(4):
        for j in range(4):
            transposed[i, j] = wanted[j, i]
    _multiply(transposed, wanted, power)
    scale = np.empty(lanes)
    for _ in range(_SQUARINGS):
        for w in range(lanes):
            scale[w] = 1 / max(power[0, 0, w] + power[1, 1, w] + power[2, 2, w] + power[3, 3, w], _SMALLEST)
        for i in range(4):
            for j in range(4):
                for w in range(lanes):
                    power[i, j, w] *= scale[w]
        _multiply(power, power, square)
        power, square = square, power
    q, valid = _normalized(power, q)
    p, also_valid = _normalized(wanted, q)
    turned = np.zeros((4, 4, lanes))
    for i in range(4):
        for j in range(4):
            for b in range(4):
                sign, row = signs[i, j, b], turned[b, columns[i, j, b]]
                for w in range(lanes):
                    row[w] += sign * p[i, w] * q[j, w]
    for w in range(lanes):
        if valid[w] and also_valid[w]:
            gates[:, :, w] = turned[:, :, w]


@compiled(allocates=True, fastmath=True)
def _in_quaternions(matrices: Array, columns: Array, signs: Array) -> Array:
    """(4, 4, lanes) tr((L_i R_j)ᵀ M) of matrices (4, 4, lanes)."""
    out = np.zeros(matrices.shape)
    for i in range(4):
        for j in range(4):
            for b in range(4):
                sign, row = signs[i, j, b], matrices[b, columns[i, j, b]]
                for w in range(matrices.shape[2]):
                    out[i, j, w] += sign * row[w]
    return out


@compiled(allocates=True, fastmath=True)
def _largest_row(matrices: Array) -> Array:
    """(4, lanes) the row of the largest norm of each matrix (4, 4, lanes)."""
    out = np.zeros(matrices.shape[1:])
    for w in range(matrices.shape[2]):
        largest = 0.0
        for i in range(4):
            size = 0.0
            for j in range(4):
                size += matrices[i, j, w] ** 2
            if size > largest:
                largest = size
                out[:, w] = matrices[i, :, w]
    return out


@compiled(allocates=True, fastmath=True)
def _multiply(left: Array, right: Array, out: Array) -> None:
    """Products of matrices (4, 4, lanes), into another array."""
    total = np.empty(out.shape[2])
    for i in range(4):
        for j in range(4):
            a0, a1, a2, a3 = left[i, 0], left[i, 1], left[i, 2], left[i, 3]
            b0, b1, b2, b3 = right[0, j], right[1, j], right[2, j], right[3, j]
            for w in range(out.shape[2]):
                total[w] = a0[w] * b0[w] + a1[w] * b1[w] + a2[w] * b2[w] + a3[w] * b3[w]
            out[i, j] = total


@compiled(allocates=True, fastmath=True)
def _normalized(matrices: Array, vectors: Array) -> tuple[Array, Array]:
    """(4, lanes) products of norm 1 of matrices (4, 4, lanes) and vectors (4, lanes), and whether they are not zero."""
    out = np.zeros(vectors.shape)
    sizes = np.zeros(vectors.shape[1])
    for i in range(4):
        for j in range(4):
            for w in range(vectors.shape[1]):
                out[i, w] += matrices[i, j, w] * vectors[j, w]
    for i in range(4):
        for w in range(vectors.shape[1]):
            sizes[w] += out[i, w] * out[i, w]
    for i in range(4):
        for w in range(vectors.shape[1]):
            out[i, w] /= np.sqrt(max(sizes[w], _SMALLEST))
    return out, sizes > _SMALLEST


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
