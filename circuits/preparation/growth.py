"""Greedy growth of circuits by one CX at a time, on the best pair of qubits, from warm starts."""

from dataclasses import replace
from itertools import combinations
from operator import attrgetter

import numpy as np

from circuits.preparation.ansatz import Preparation, angles_before, gate_table
from circuits.preparation.least_squares import fit
from qimg.core import Array
from qimg.core.compiled import compiled

TRIAL_STEPS, FIT_STEPS = 10, 40
ROUNDING = 1e-15
"""Infidelity at the level of rounding, at which every fit ends."""
SLOW = 1e-3
"""A fit ends if ten steps reduce the error by less than this share."""


def grow(
    target: Array, n_qubits: int, *, max_cx: int, enough: float, beam: int = 1, anywhere: int = 0
) -> list[Preparation]:
    """The best circuits found with 0, 1, … CX, until the infidelity is at most `enough` or `max_cx` are used.

    A pair inserted at the beginning can start as the identity, since its control is |0⟩; the infidelity then does not
    increase. If `anywhere` is positive, every pair is also inserted at `anywhere` random blocks and at the
    end. All trials are fitted for a few steps, the best 4 · `beam` (only the best if `anywhere` is 0) for more, and the
    best `beam` are grown further.

    Args:
        target: (2ⁿ,) real, or (2ⁿ⁺¹,) real parts and imaginary parts.
        n_qubits: n.
        max_cx: largest number of CX.
        enough: infidelity at which the growth ends.
        beam: number of circuits that are grown further at each size.
        anywhere: trials at random blocks per pair.
    """
    rng = np.random.default_rng(0)
    members = [_product(target, n_qubits, rng)]
    path = [members[0]]
    while len(path) <= max_cx and path[-1].infidelity > enough:
        trials = [trial for member in members for trial in _trials(member, target, anywhere, rng)]
        trials.sort(key=_infidelity)
        shortlist = trials[: 4 * beam if anywhere else 1]
        fitted = [trial.fitted(target, steps=FIT_STEPS, enough=ROUNDING, slow=SLOW) for trial in shortlist]
        members = sorted(fitted, key=_infidelity)[:beam]
        path.append(members[0])
    return path


_infidelity = attrgetter("infidelity")


def _product(target: Array, n_qubits: int, rng: np.random.Generator) -> Preparation:
    """The nearest product state found by fits from the qubits' reduced states and three perturbations of them."""
    imaginary = len(target) > 2**n_qubits
    start = _bloch_angles(target, n_qubits, imaginary)
    starts = [start, *(start + rng.normal(0, 0.7, start.shape) for _ in range(3))]
    pairs = np.zeros((0, 2), np.int64)
    products = [
        Preparation(n_qubits=n_qubits, pairs=pairs, angles=angles, imaginary=imaginary, infidelity=1.0).fitted(
            target, steps=2 * FIT_STEPS, enough=ROUNDING, slow=SLOW
        )
        for angles in starts
    ]
    return min(products, key=_infidelity)


def _bloch_angles(target: Array, n_qubits: int, imaginary: bool) -> Array:
    """Angles of every qubit's Bloch vector, and the sign or phase of the overlap with the target."""
    size = 2**n_qubits
    vector = target[:size] + 1j * target[size:] if imaginary else target
    product, polar, azimuth = np.ones(1), [], []
    for qubit in range(n_qubits):
        pairs = vector.reshape(-1, 2, 2**qubit)
        z = float((np.abs(pairs[:, 0]) ** 2 - np.abs(pairs[:, 1]) ** 2).sum())
        both = 2 * np.vdot(pairs[:, 0], pairs[:, 1])
        x, y = float(both.real), float(both.imag)
        theta, phi = (np.hypot(x, y), np.arctan2(y, x)) if imaginary else (x, 0.0)
        polar.append(np.arctan2(theta, z))
        azimuth.append(phi)
        half = np.array([np.exp(-0.5j * phi), np.exp(0.5j * phi)]) if imaginary else np.ones(2)
        product = np.kron(half * [np.cos(polar[-1] / 2), np.sin(polar[-1] / 2)], product)
    overlap = np.vdot(product, vector)
    if imaginary:
        return np.array([*polar, *azimuth, 2 * np.angle(overlap)])
    return np.array(polar) + np.eye(n_qubits)[0] * (2 * np.pi if overlap < 0 else 0.0)


def _trials(member: Preparation, target: Array, anywhere: int, rng: np.random.Generator) -> list[Preparation]:
    """Trials from a circuit with every pair of qubits inserted, fitted for a few steps."""
    n_qubits, imaginary, size = member.n_qubits, member.imaginary, member.cx
    options = 2 + anywhere if anywhere else 1
    pairs = np.repeat(np.array(list(combinations(range(n_qubits), 2))).reshape(-1, 2), options, axis=0)
    pairs = np.where(rng.random(len(pairs))[:, None] < 0.5, pairs, pairs[:, ::-1])
    blocks = rng.integers(0, size + 1, len(pairs))
    blocks[0::options] = 0
    if anywhere:
        blocks[1::options] = size
    noise = rng.normal(size=(len(pairs), len(member.angles) + (4 if imaginary else 2)))
    fits = _fit_trials(member.pairs, member.angles, target, n_qubits, imaginary, blocks, pairs, noise)
    return [
        replace(member, pairs=np.insert(member.pairs, block, pair, axis=0), angles=angles, infidelity=infidelity)
        for block, pair, angles, infidelity in zip(blocks, pairs, *fits, strict=True)
    ]


@compiled(allocates=True)
def _fit_trials(
    pairs: Array,
    angles: Array,
    target: Array,
    n_qubits: int,
    imaginary: bool,
    blocks: Array,
    inserted: Array,
    noise: Array,
) -> tuple[Array, Array]:
    """Angles (trials, …) and infidelities (trials,) with pair `inserted[t]` as block `blocks[t]`.

    At the beginning the pair takes over its qubits' angles, so that its control is |0⟩ and its CX has no effect. A
    little noise is added, because derivatives may vanish exactly at the identity by symmetry. At other blocks its
    angles are the noise.
    """
    count = blocks.shape[0]
    fitted = np.empty_like(noise)
    infidelities = np.empty(count)
    longer = np.empty((pairs.shape[0] + 1, 2), np.int64)
    factor = 2 if imaginary else 1
    width = 2 * factor
    for t in range(count):
        block = blocks[t]
        longer[:block] = pairs[:block]
        longer[block] = inserted[t]
        longer[block + 1 :] = pairs[block:]
        cut = angles_before(n_qubits, block, imaginary)
        warm = fitted[t]
        warm[:cut] = angles[:cut]
        warm[cut : cut + width] = noise[t, cut : cut + width]
        warm[cut + width :] = angles[cut:]
        if block == 0:
            for kind in range(factor):
                for end in range(2):
                    qubit = kind * n_qubits + inserted[t, end]
                    warm[cut + 2 * kind + end] = angles[qubit]
                    warm[qubit] = 0.0
            warm += 0.05 * noise[t]
        gates = gate_table(n_qubits, longer, imaginary)
        theta, infidelities[t], _ = fit(gates, warm, target, TRIAL_STEPS, ROUNDING, SLOW)
        fitted[t] = theta
    return fitted, infidelities
