"""A variational classifier of real state vectors: layers of RY and CX, and the outcome of a few qubits as the class."""

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit
from qiskit.providers import BackendV2

from circuits.execution.backends import sample
from circuits.preparation.states import prepare
from circuits.seeds import stream
from qimg.core import Array, arguments, integer, plain, require, require_shape
from qimg.core.records import short_repr
from qimg.states import amplitude_encode, pad_to_register, qubits_for

MAX_QUBITS = 10
"""Largest register; the states of all samples are in memory."""

LEAST = 1e-12
"""Smallest probability in the cross-entropy."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class VariationalClassifier:
    """A trained circuit of RY rotations and CX gates, made by `fit_variational`.

    Layer 0 is RY on every qubit. Each further layer is a CX from every qubit to the next (from the last to the first,
    where there are more than two), then RY on every qubit. The class is the outcome of the lowest qubits, given that
    it is one of the classes: p(c | x) = P(c) / Σ P.
    """

    angles: Array
    """(layers + 1, qubits) angles of the RY gates."""
    classes: Array
    """(labels,) label of each outcome of the read qubits."""
    loss: float
    """Mean cross-entropy of the training samples, in nats."""

    @property
    def n_qubits(self) -> int:
        """Qubits of the register."""
        return self.angles.shape[1]

    @property
    def cx(self) -> int:
        """CX gates of the circuit, without the preparation of the state."""
        return (len(self.angles) - 1) * len(ring(self.n_qubits))

    def circuit(self) -> QuantumCircuit:
        """The trained circuit, to be applied to a prepared state; nothing is measured."""
        circuit = QuantumCircuit(self.n_qubits, name="classifier")
        for layer, angles in enumerate(self.angles.tolist()):
            for control, target in ring(self.n_qubits) if layer else ():
                circuit.cx(control, target)
            for qubit, angle in enumerate(angles):
                circuit.ry(angle, qubit)
        return circuit

    def predict_proba(
        self,
        states: ArrayLike,
        *,
        shots: int | None = None,
        backend: str | BackendV2 = "statevector",
        seed: int | None = 0,
    ) -> Array:
        """Probabilities (n, labels) of the classes of vectors.

        Exact without shots. With shots, the shares of the outcomes of the circuit that prepares each vector; where no
        outcome is a class, all classes are equally likely.

        Args:
            states: (n, d) real, which are normalised.
            shots: shots for each vector.
            backend: a name for `circuits.backend`, or any `BackendV2`; used with shots only.
            seed: seed of the shots (`circuits.seeds`).
        """
        data = _register_states("states", states, self.n_qubits)
        if shots is None:
            amplitudes = data
            for layer, angles in enumerate(self.angles):
                amplitudes = _turned(_ringed(amplitudes) if layer else amplitudes, angles)
            return _conditional(_class_weights(amplitudes, len(self.classes)))
        return _conditional(self._shares(data, integer("shots", shots, 1), backend, seed))

    def _shares(self, data: Array, shots: int, backend: str | BackendV2, seed: int | None) -> Array:
        read, trained = _read_qubits(len(self.classes)), self.circuit()
        tests = []
        for state in data:
            whole = QuantumCircuit(self.n_qubits, read)
            whole.compose(prepare(state), inplace=True)
            whole.compose(trained, inplace=True)
            whole.measure(range(read), range(read))
            tests.append(whole)
        counts = sample("VariationalClassifier", tests, backend, shots=shots, seed=seed)
        return np.asarray(counts[:, : len(self.classes)] / shots)

    def predict(self, states: ArrayLike) -> Array:
        """The most probable label (n,) of each vector, exact."""
        return np.asarray(self.classes[self.predict_proba(states).argmax(axis=1)])

    def score(self, states: ArrayLike, labels: ArrayLike) -> float:
        """Share of vectors whose predicted label is right."""
        return float((self.predict(states) == np.asarray(labels)).mean())


def fit_variational(
    states: ArrayLike, labels: ArrayLike, *, layers: int = 4, iterations: int = 100, seed: int | None = 0
) -> VariationalClassifier:
    """Fit the angles of a `VariationalClassifier` to labelled vectors by their exact cross-entropy.

    L-BFGS with exact gradients from one pass forth and one back through the gates, O(n · 2^q · q · layers) for each.
    The loss is not convex: the result is a local minimum that depends on the seed.

    Args:
        states: (n, d) real vectors, which are normalised and padded to q ≤ 10 qubits.
        labels: (n,) integers or strings of at least two classes, at most 2^q.
        layers: layers of CX, each followed by RY; the classifier has (layers + 1) q angles.
        iterations: of L-BFGS.
        seed: of the initial angles (`circuits.seeds`).
    """
    from scipy.optimize import minimize

    array = arguments.vectors("states", states)
    n_qubits = max(qubits_for(array.shape[-1]), 1)
    require(n_qubits <= MAX_QUBITS, "states", f"must have at most {2**MAX_QUBITS} components", array.shape[-1])
    data = _register_states("states", states, n_qubits)
    names = plain("labels", labels)
    require_shape(names.shape == (len(data),), "labels", f"({len(data)},), one for each vector", names)
    classes, targets = np.unique(names, return_inverse=True)
    rule = f"must hold 2 to {2**n_qubits} classes, the outcomes of {n_qubits} qubits"
    require(2 <= len(classes) <= 2**n_qubits, "labels", rule, len(classes))
    shape = (integer("layers", layers, 0) + 1, n_qubits)
    integer("iterations", iterations, 1)
    rng = np.random.default_rng(stream(seed, "fit_variational", list(shape)))

    def objective(angles: Array) -> tuple[float, Array]:
        loss, gradient = loss_and_gradient(angles.reshape(shape), data, targets, len(classes))
        return loss, gradient.ravel()

    start = rng.normal(0, 0.5, shape).ravel()
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations})
    return VariationalClassifier(angles=np.asarray(found.x).reshape(shape), classes=classes, loss=float(found.fun))


def loss_and_gradient(angles: Array, states: Array, targets: Array, labels: int) -> tuple[float, Array]:
    """Mean cross-entropy −log p(c | x), and its derivatives (layers + 1, qubits) by the angles.

    Args:
        angles: (layers + 1, qubits).
        states: (n, 2^q) real, of norm 1.
        targets: (n,) numbers of the classes.
        labels: number of classes.
    """
    amplitudes, n = states, len(states)
    for layer, own in enumerate(angles):
        amplitudes = _turned(_ringed(amplitudes) if layer else amplitudes, own)
    weights = np.maximum(_class_weights(amplitudes, labels), LEAST)
    total, rows = weights.sum(axis=1), np.arange(n)
    loss = float((np.log(total) - np.log(weights[rows, targets])).mean())
    slopes = np.tile(1 / total[:, None], (1, labels))
    slopes[rows, targets] -= 1 / weights[rows, targets]
    whole = np.zeros((n, 2 ** _read_qubits(labels)))
    whole[:, :labels] = slopes / n
    behind = (2 * amplitudes.reshape(n, -1, whole.shape[1]) * whole[:, None]).reshape(n, -1)
    gradient = np.empty_like(angles)
    for layer in range(len(angles) - 1, -1, -1):
        # d RY(θ)/dθ = RY(θ) J / 2, and the rotations of a layer commute.
        for qubit in range(angles.shape[1]):
            a, b = (_by_qubit(one, qubit) for one in (amplitudes, behind))
            gradient[layer, qubit] = 0.5 * float((b[:, :, 1] * a[:, :, 0] - b[:, :, 0] * a[:, :, 1]).sum())
        amplitudes, behind = (_turned(one, -angles[layer]) for one in (amplitudes, behind))
        if layer:
            amplitudes, behind = (_ringed(one, back=True) for one in (amplitudes, behind))
    return loss, gradient


def ring(n_qubits: int) -> list[tuple[int, int]]:
    """Control and target of the CX gates of a layer."""
    pairs = [(qubit, qubit + 1) for qubit in range(n_qubits - 1)]
    return [*pairs, (n_qubits - 1, 0)] if n_qubits > 2 else pairs


def _read_qubits(labels: int) -> int:
    return max(ceil(log2(labels)), 1)


def _register_states(name: str, value: ArrayLike, n_qubits: int) -> Array:
    array = arguments.real(name, value)
    fits = array.ndim == 2 and len(array) > 0 and 1 <= array.shape[1] <= 2**n_qubits
    require_shape(fits, name, f"(n, d) with n >= 1 and d <= {2**n_qubits}", array)
    return pad_to_register(amplitude_encode(array).amplitudes, n_qubits)


def _by_qubit(amplitudes: Array, qubit: int) -> Array:
    """(n, above, 2, below): qubit k is bit k of the index."""
    return amplitudes.reshape(len(amplitudes), -1, 2, 2**qubit)


def _turned(amplitudes: Array, angles: Array) -> Array:
    """RY of an angle on every qubit."""
    for qubit, angle in enumerate(angles):
        c, s = np.cos(angle / 2), np.sin(angle / 2)
        parts = _by_qubit(amplitudes, qubit)
        amplitudes = np.matmul(np.array([[c, -s], [s, c]]), parts).reshape(len(amplitudes), -1)
    return amplitudes


def _ringed(amplitudes: Array, *, back: bool = False) -> Array:
    """The CX gates of a layer, or their inverse."""
    n_qubits = amplitudes.shape[1].bit_length() - 1
    source = np.arange(amplitudes.shape[1])
    for control, target in ring(n_qubits) if back else reversed(ring(n_qubits)):
        source = source ^ ((source >> control & 1) << target)
    return amplitudes[:, source]


def _class_weights(amplitudes: Array, labels: int) -> Array:
    """Probabilities (n, labels) of the outcomes of the lowest qubits that are classes."""
    outcomes = 2 ** _read_qubits(labels)
    return (amplitudes.reshape(len(amplitudes), -1, outcomes) ** 2).sum(axis=1)[:, :labels]


def _conditional(weights: Array) -> Array:
    total = weights.sum(axis=1, keepdims=True)
    even = np.full_like(weights, 1 / weights.shape[1])
    return np.divide(weights, total, out=even, where=total > 0)
