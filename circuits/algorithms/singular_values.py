"""Quantum singular-value transformation: polynomials of a block-encoded matrix as circuits, for batches of vectors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.algorithms.block_encoding import BlockEncoding
from circuits.algorithms.functions import OperatorFunction
from circuits.algorithms.phase_angles import PhaseAngles, phase_angles
from circuits.algorithms.polynomials import Polynomial
from circuits.counts import outcome_counts
from circuits.execution.backends import aer_result, from_state
from circuits.readout.intervals import probability_interval
from circuits.seeds import simulator_seed, stream
from qimg.core import Array, arguments, integer, require, require_shape
from qimg.core.records import short_repr
from qimg.states import pad_to_register, qubits_for

LARGEST_REGISTER = 26
"""Qubits of the largest state vector, of one gibibyte."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class FunctionResult:
    """Vectors to which a polynomial of a matrix was applied, and what it costs."""

    vectors: Array
    """(n, d) P(A / α) x of each vector, with the factor of the polynomial undone; complex."""
    success_probability: float
    """Probability that all ancillas are measured as 0, for the whole batch: Σ ‖P x‖² / Σ ‖x‖²."""
    success_probabilities: Array
    """(n,) the same of each vector; NaN for zero vectors."""
    polynomial: Polynomial
    """P, of which `factor` times the function is approximated."""
    phases: PhaseAngles
    """Phase angles of the circuit."""
    circuit: QuantumCircuit
    """The circuit of one step after another, without the batch register."""

    @property
    def steps(self) -> int:
        """Calls of the block encoding or its inverse."""
        return self.polynomial.degree

    @property
    def n_qubits(self) -> int:
        """Qubits of the run, with the batch register."""
        return int(self.circuit.num_qubits) + qubits_for(len(self.vectors))


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class SampledFunction:
    """Moduli of vectors to which a polynomial of a matrix was applied, from shots, with intervals."""

    moduli: Array
    """(n, d) estimates of |P(A / α) x|, with the factor of the polynomial undone; signs are not measured."""
    low: Array
    """(n, d) lower ends of the intervals, each of which covers with the level."""
    high: Array
    """(n, d) upper ends."""
    counts: Array
    """(n, d) shots with all ancillas 0."""
    shots: int
    """All shots; those that are not in `counts` had an ancilla that was 1."""
    polynomial: Polynomial
    """P, of which `factor` times the function is approximated."""


def transformation_circuit(encoding: BlockEncoding, phases: PhaseAngles) -> QuantumCircuit:
    """The circuit whose block, with the ancillas and the phase qubit |0⟩, is P(A / α).

    The phase qubit is in |+⟩ while U and U† of the encoding alternate, with e^{iφ_j Z ⊗ (2Π − 1)} between them, where Π
    projects the ancillas on |0…0⟩. Its two basis states give the complex polynomial and its conjugate, and their sum is
    the real one (Gilyén, Su, Low and Wiebe, 2019, corollary 18). With A = Σ σ_k |u_k⟩⟨v_k|, an odd P gives
    Σ P(σ_k/α) |u_k⟩⟨v_k|, and an even one Σ P(σ_k/α) |v_k⟩⟨v_k|.

    Args:
        encoding: n system qubits, then m ancillas.
        phases: from `phase_angles`, for one step fewer than there are angles.

    Returns:
        A circuit on n + m + 1 qubits, with the phase qubit on top.
    """
    degree = len(phases.angles) - 1
    system, ancillas = encoding.system_qubits, encoding.ancilla_qubits
    phase = system + ancillas
    circuit = QuantumCircuit(phase + 1, name=f"degree {degree}")
    inverse = encoding.circuit.inverse()
    circuit.h(phase)
    # In each two-dimensional invariant subspace, U is a reflection R with W = i e^{−iπZ/4} R e^{−iπZ/4}; the ends have
    # another −π/4 because P is the imaginary part of the polynomial of the angles, and i^degree belongs to this qubit.
    circuit.rz(-np.pi * (degree % 4), phase)
    for j, angle in enumerate((phases.angles - np.pi / 2).tolist()):
        _append_phase(circuit, angle, list(range(system, phase)), phase)
        if j < degree:
            circuit.compose(inverse if j % 2 else encoding.circuit, range(phase), inplace=True)
    circuit.h(phase)
    return circuit


def apply_function(
    encoding: BlockEncoding,
    vectors: ArrayLike,
    function: OperatorFunction | Polynomial,
    *,
    degree: int | None = None,
    error: float | None = None,
) -> FunctionResult:
    """Apply a function of a block-encoded matrix to many vectors by one run of the transformation on Aer.

    The state Σ_i |i⟩|0⟩|x_i⟩/‖x‖ of a batch register, ancillas and system is loaded; every step acts on all vectors.
    The gates of all steps are executed one after another. Exact state vectors, so signs and norms are those of P x.

    Args:
        encoding: from `block_encoding` or `picture_block_encoding`.
        vectors: (n, d) or (d,), d at most the dimension of the system, padded with zeros; not all zero. They need not
            be normalised.
        function: a function of the eigenvalues of ρ (`circuits.algorithms.functions`), or a polynomial of the singular
            values of A / α.
        degree: of the polynomial, for a function.
        error: largest error of the polynomial instead, for a function.

    Raises:
        ValueError: dimensions that do not fit, an error or a degree that cannot be reached, or a register beyond
            memory.

    >>> import circuits
    >>> rho = np.diag([0.75, 0.25])
    >>> root = circuits.block_encoding(rho, method="dilation", root=True)
    >>> result = circuits.apply_function(root, [1.0, 1.0], circuits.wiener_filter(noise=0.25), degree=12)
    >>> np.round(result.vectors[0].real, 2)  # 0.75 / 1 and 0.25 / 0.5
    array([0.75, 0.5 ])
    """
    data, norm = _checked_vectors(encoding, vectors)
    polynomial, phases, circuit = _prepared(encoding, function, degree, error)
    whole = _loaded(circuit, data / norm)
    whole.save_statevector()
    # Fused gates would be products of several steps.
    final = np.asarray(aer_result(whole, method="statevector", fusion_enable=False).get_statevector())
    transformed = _block(final, circuit, data) * norm
    shares, squares = ((np.abs(one) ** 2).sum(axis=1) for one in (transformed, data))
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(squares > 0, shares / squares, np.nan)
    return FunctionResult(
        vectors=transformed / polynomial.factor,
        success_probability=float(shares.sum() / squares.sum()),
        success_probabilities=each,
        polynomial=polynomial,
        phases=phases,
        circuit=circuit,
    )


def sample_function(
    encoding: BlockEncoding,
    vectors: ArrayLike,
    function: OperatorFunction | Polynomial,
    *,
    shots: int,
    degree: int | None = None,
    error: float | None = None,
    seed: int | None = 0,
    level: float = 0.95,
) -> SampledFunction:
    """Measure all qubits after the transformation of `apply_function`: what its shots determine of f(ρ) x.

    The shares of the shots with all ancillas 0 give the moduli |f(ρ) x|, including their norm, because the norm of the
    batch is an input. Signs and phases are not measured.

    Args:
        encoding: as in `apply_function`.
        vectors: as in `apply_function`.
        function: as in `apply_function`.
        shots: shots of the whole batch, at least 1.
        degree: as in `apply_function`.
        error: as in `apply_function`.
        seed: seed of the shots (`circuits.seeds`).
        level: of the intervals, each for one modulus, by Clopper and Pearson.
    """
    count = integer("shots", shots, 1)
    data, norm = _checked_vectors(encoding, vectors)
    polynomial, _, circuit = _prepared(encoding, function, degree, error)
    whole = _loaded(circuit, data / norm)
    own = stream(seed, "sample_function", encoding.matrix, data, polynomial.coefficients, count)
    whole.measure_all()
    options = {"shots": count, "seed_simulator": simulator_seed(own), "fusion_enable": False}
    result = aer_result(whole, method="statevector", **options)
    counts = _block(outcome_counts(result, 2**whole.num_qubits), circuit, data)
    low, high = probability_interval(counts, count, level=level)
    scale = norm / polynomial.factor
    return SampledFunction(
        moduli=np.sqrt(counts / count) * scale,
        low=np.sqrt(low) * scale,
        high=np.sqrt(high) * scale,
        counts=counts,
        shots=count,
        polynomial=polynomial,
    )


def _checked_vectors(encoding: BlockEncoding, vectors: ArrayLike) -> tuple[Array, float]:
    """The vectors (n, d) and the norm of the batch; refuses registers beyond memory."""
    data = np.atleast_2d(arguments.vectors("vectors", vectors))
    d = len(encoding.matrix)
    require_shape(data.ndim == 2 and 1 <= data.shape[1] <= d, "vectors", f"(n, d) with d at most {d}", data)
    norm = float(np.linalg.norm(data))
    require(0 < norm < np.inf, "vectors", "must not all be zero", norm)
    total = encoding.n_qubits + 1 + qubits_for(len(data))
    most = 2 ** max(0, LARGEST_REGISTER - encoding.n_qubits - 1)
    rule = f"must be at most {most} for an encoding of {encoding.n_qubits} qubits ({LARGEST_REGISTER} in all)"
    require(total <= LARGEST_REGISTER, "the number of vectors", rule, len(data))
    return data, norm


def _prepared(
    encoding: BlockEncoding, function: OperatorFunction | Polynomial, degree: int | None, error: float | None
) -> tuple[Polynomial, PhaseAngles, QuantumCircuit]:
    if isinstance(function, Polynomial):
        require(degree is None and error is None, "degree and error", "are those of the polynomial", (degree, error))
        polynomial = function
    else:
        polynomial = function.polynomial(encoding, degree=degree, error=error)
    phases = phase_angles(polynomial)
    return polynomial, phases, transformation_circuit(encoding, phases)


def _append_phase(circuit: QuantumCircuit, angle: float, ancillas: list[int], phase: int) -> None:
    """e^{iφ Z ⊗ (2Π − 1)} of the phase qubit and the ancillas."""
    if len(ancillas) == 1:
        circuit.rzz(-2 * angle, phase, ancillas[0])
        return
    # Where all ancillas are 0, X before and after the rotation changes its sign.
    circuit.mcx(ancillas, phase, ctrl_state=0)
    circuit.rz(2 * angle, phase)
    circuit.mcx(ancillas, phase, ctrl_state=0)


def _loaded(circuit: QuantumCircuit, data: Array) -> QuantumCircuit:
    """The circuit on the batch Σ |i⟩|0⟩|x_i⟩ of norm 1."""
    padded: Array = np.zeros((len(data), 2**circuit.num_qubits), complex)
    padded[:, : data.shape[1]] = data
    n_qubits = circuit.num_qubits + qubits_for(len(data))
    return from_state(pad_to_register(padded.ravel(), n_qubits), circuit, n_qubits)


def _block(values: Array, circuit: QuantumCircuit, data: Array) -> Array:
    """The values of the basis states with all ancillas 0, in the shape of the vectors."""
    return np.asarray(values.reshape(-1, 2**circuit.num_qubits)[: len(data), : data.shape[1]])
