"""Circuits of few layers for whole sets of real vectors, fitted in batches of equal architecture."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from circuits.preparation.ansatz import angles_before
from circuits.preparation.architectures import ARCHITECTURES, Pairs
from circuits.preparation.orthogonal import COLUMNS, SIGNS, rotation_angles
from circuits.preparation.registers import wires_of
from circuits.preparation.sets import LARGEST_REGISTER, PreparationSet
from circuits.preparation.sweeping import FEWEST_ROWS, sweep, undo
from qimg.core import Array, arguments, in_one_blas_thread, integer
from qimg.states import amplitude_encode

_LANES = (8, 32)
"""Fewest and most vectors that are swept at a time."""

_CACHED = 2**16
"""Numbers of the states that are swept at a time, about half of a core's second-level cache with two such arrays."""

_BATCH = 8
"""Times as many vectors start together, which limits the memory of the start."""


@in_one_blas_thread
def prepare_in_layers(
    vectors: ArrayLike,
    *,
    layers: int,
    architecture: str = "sequential",
    qubits: Sequence[int] | None = None,
    growing_sweeps: int = 8,
    sweeps: int = 100,
    gain: float = 1e-5,
    workers: int = 1,
    track: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> PreparationSet:
    """Circuits of the same few two-qubit gates for each of many real vectors, approximately, as one set for one file.

    A layer has n − 1 rotations in SO(4), of 2 CX each. Layers are added at the beginning of the circuit. A new one
    starts as the gates that best disentangle what the others leave: for "sequential", the exact circuit of its train of
    bond 2 (Ran, 2020). Then all gates are swept there and back, each turned towards its optimum for fixed others, which
    never lowers the fidelity. With `sweeps=0` and `growing_sweeps=0` the result is this disentangler, without a fit.

    Cost: O(layers · n · 2ⁿ) for each vector and sweep; up to 32 vectors are swept at a time. The result of a vector
    does not depend on the others or on the number of workers. Infidelities are computed from the stored angles.

    Args:
        vectors: (count, 2**n) real, of any norm, n from 2 to 20; a zero vector is |0…0⟩.
        layers: number of layers.
        architecture: "sequential", from the middle of the chain outwards, as in Jobst et al. (2024); "brick", pairs of
            neighbours in two rows; or "dense", pairs of all qubits in turn.
        qubits: the qubit of each site of the chain; when left out, site s is qubit n − 1 − s.
        growing_sweeps: most sweeps after each layer but the last.
        sweeps: most sweeps after the last layer.
        gain: the sweeps of a vector end where its fidelity rises by no more than this.
        workers: threads; the compiled sweeps release the global interpreter lock.
        track: wraps the iteration over batches of vectors to report progress.

    Raises:
        ValueError: wrong shapes or options, or complex vectors.
    """
    data = arguments.vectors("vectors", vectors)
    arguments.require(not np.iscomplexobj(data), "vectors", "must be real", data.dtype)
    n_qubits = data.shape[-1].bit_length() - 1
    fits = data.ndim == 2 and 2 <= n_qubits <= LARGEST_REGISTER and data.shape[-1] == 2**n_qubits and len(data) > 0
    arguments.require_shape(fits, "vectors", f"(n, 2**q), 2 <= q <= {LARGEST_REGISTER}", data)
    integer("layers", layers, 1)
    arguments.one_of("architecture", architecture, ARCHITECTURES)
    least = float(arguments.real("gain", gain))
    arguments.require(least >= 0, "gain", "must be at least 0", gain)
    options = _Options(
        wires=wires_of(qubits, n_qubits),
        rounds=[ARCHITECTURES[architecture](n_qubits, layer) for layer in range(layers)],
        growing_sweeps=integer("growing_sweeps", growing_sweeps, 0),
        sweeps=integer("sweeps", sweeps, 0),
        gain=least,
        projected=architecture == "sequential",
    )
    states = amplitude_encode(data).amplitudes
    size = _BATCH * options.lanes
    batches = [states[start : start + size] for start in range(0, len(states), size)]
    with ThreadPoolExecutor(integer("workers", workers, 1)) as pool:
        results = pool.map(partial(_fitted, options=options), batches)
        done = [result for _, result in zip(track(batches), results, strict=True)]
    gates, taken = (np.concatenate(parts) for parts in zip(*done, strict=True))
    pairs = np.array(options.pairs(layers), np.int64)
    recipe = {
        "layers": layers,
        "architecture": architecture,
        "qubits": options.wires,
        "growing_sweeps": growing_sweeps,
        "sweeps": sweeps,
        "gain": options.gain,
    }
    angles = _merged(n_qubits, pairs, rotation_angles(gates))
    return PreparationSet.of(n_qubits, np.repeat(pairs, 2, axis=0), angles, states, sweeps=taken, recipe=recipe)


class _Options(NamedTuple):
    wires: list[int]
    """Qubit of each site."""
    rounds: list[Pairs]
    """Pairs of qubits of each layer on a chain whose site s is qubit n − 1 − s; the last layer is the first to act."""
    growing_sweeps: int
    sweeps: int
    gain: float
    projected: bool
    """Whether a new layer is the circuit of a train, which takes the second qubit of each pair to |0⟩."""

    @property
    def lanes(self) -> int:
        """Vectors that are swept at a time."""
        return min(max(_CACHED >> len(self.wires), _LANES[0]), _LANES[1])

    def pairs(self, layers: int) -> Pairs:
        """Pairs of the first `layers` layers, in the order of application."""
        chain = self.wires[::-1]
        return [(chain[a], chain[b]) for layer in reversed(self.rounds[:layers]) for a, b in layer]


def _fitted(states: Array, options: _Options) -> tuple[Array, Array]:
    """Gates (vectors, gates, 4, 4) and sweeps (vectors,) of a batch."""
    count, size = states.shape
    targets = np.zeros((max(size, FEWEST_ROWS), count))
    targets[:size] = states.T
    gates = np.empty((0, 4, 4, count))
    rest, taken = targets, np.zeros(count, np.int64)
    for layer in range(1, len(options.rounds) + 1):
        pairs = options.pairs(layer)
        first = pairs[: len(options.rounds[layer - 1])]
        start = _disentangling(rest[:size].T, first, projected=options.projected)
        gates = np.ascontiguousarray(np.concatenate([np.moveaxis(start, 0, -1), gates]))
        rest, wires = targets.copy(), np.array(pairs, np.int64)
        undo(rest, wires, gates)
        limit = options.sweeps if layer == len(options.rounds) else options.growing_sweeps
        taken += _sweep_all(rest, wires, gates, options.lanes, limit, options.gain)
    return np.moveaxis(gates, -1, 0), taken


def _sweep_all(rest: Array, wires: Array, gates: Array, lanes: int, limit: int, gain: float) -> Array:
    """Sweep the vectors (rows, vectors) with gates (gates, 4, 4, vectors) undone, in place; returns the sweeps of each.

    A vector whose sweeps have ended makes room for the next one.
    """
    taken = np.zeros(rest.shape[1], np.int64)
    waiting = np.arange(rest.shape[1] if limit else 0)
    present, waiting = waiting[:lanes], waiting[lanes:]
    states, turned = rest.take(present, axis=-1), gates.take(present, axis=-1)
    while len(present):
        before = states[0] ** 2
        sweep(states, wires, turned, COLUMNS, SIGNS)
        taken[present] += 1
        over = (states[0] ** 2 - before <= gain) | (taken[present] == limit)
        if over.any():
            rest[:, present[over]], gates[..., present[over]] = states[:, over], turned[..., over]
            following, waiting = waiting[: over.sum()], waiting[over.sum() :]
            present = np.concatenate([present[~over], following])
            states = _exchanged(states, over, rest.take(following, axis=-1))
            turned = _exchanged(turned, over, gates.take(following, axis=-1))
    return taken


def _exchanged(lanes: Array, over: Array, following: Array) -> Array:
    """Lanes on the last axis without those that are over, and with the following ones."""
    return np.ascontiguousarray(np.concatenate([lanes.compress(~over, axis=-1), following], axis=-1))


def _disentangling(states: Array, pairs: Pairs, *, projected: bool) -> Array:
    """Gates (vectors, pairs, 4, 4) whose inverses, the last one first, take the weight of each pair to |0⟩ greedily.

    The eigenvectors of the pair's density matrix, by descending weight, are the images of |00⟩, |10⟩, |01⟩ and |11⟩. If
    `projected`, the second qubit is then projected onto |0⟩; the product of the gates prepares a train of bond 2.
    """
    count, n_qubits = len(states), states.shape[1].bit_length() - 1
    gates = np.empty((count, len(pairs), 4, 4))
    tensor = states.reshape(count, *[2] * n_qubits)
    remaining = list(range(n_qubits))[::-1]  # qubit of each axis
    for number in range(len(pairs) - 1, -1, -1):
        first, second = pairs[number]
        axes = [1 + remaining.index(first), 1 + remaining.index(second)]
        moved = np.moveaxis(tensor, axes, [1, 2])
        matrix = moved.reshape(count, 4, -1)
        vectors = np.linalg.eigh(matrix @ matrix.transpose(0, 2, 1))[1][..., ::-1]
        gate = np.empty((count, 4, 4))
        gate[..., [0, 2, 1, 3]] = vectors
        gate[..., 3] *= np.sign(np.linalg.det(gate))[:, None]
        gates[:, number] = gate
        undone = (gate.transpose(0, 2, 1) @ matrix).reshape(moved.shape)
        if projected and number:
            remaining.remove(second)
            tensor = np.moveaxis(undone[:, :, 0], 1, 1 + remaining.index(first))
        else:
            tensor = np.moveaxis(undone, [1, 2], axes)
    return gates


def _merged(n_qubits: int, pairs: Array, angles: Array) -> Array:
    """Angles (vectors, …) of the ansatz of RY and CX from those of its rotations (vectors, pairs, 3, 2).

    The RY before a rotation are added to those that end the previous rotation of the qubit.
    """
    merged = np.zeros((len(angles), angles_before(n_qubits, 2 * len(pairs), False)))
    latest = list(range(n_qubits))
    for number, pair in enumerate(pairs.tolist()):
        for end, qubit in enumerate(pair):
            merged[:, latest[qubit]] += angles[:, number, 0, end]
            for half in (0, 1):
                latest[qubit] = angles_before(n_qubits, 2 * number + half, False) + end
                merged[:, latest[qubit]] = angles[:, number, 1 + half, end]
    return merged
