"""Rows of `unitary_denoising`: patches filtered by the matrix, by transformations, from shots, and in noisy gates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import nan
from typing import Any

import numpy as np

import circuits
from circuits.noise.effects import Effects, effects
from experiments._run import Array, LibraryDependent, Seconds, timed
from experiments.circuits.wiener_circuits import (
    APPROXIMATIONS,
    ODD,
    SPECTRUM,
    UNWEIGHTED,
    dense_gate_cx,
    eigenvalues,
    encoding,
    filter_of,
    predicted_success,
    second_moments,
    transformation_in_gates,
    wiener_in_eigenbasis,
    wiener_polynomial,
)
from qimg.images import LEVEL_SHIFT
from qimg.metrics import psnr_db
from qimg.patches import extract_patches
from qimg.states import qubits_for

NOISY, MATRIX, EIGENBASIS = "noisy", "matrix function", "eigenbasis circuit"
SHOTS, GATES, EIGENBASIS_GATES = "shots", "transformation in noisy gates", "eigenbasis in noisy gates"
PRIOR = "prior"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture filtered in one way; or with the image "prior", a cost or an error that no picture enters."""

    image: str
    size: int
    """Side of a patch."""
    patches: int
    sigma: float
    """Of the noise in code values; 0 where there is none."""
    method: str
    steps: int
    """Calls of the block encoding; 0 without one."""
    executed: bool
    """Whether the circuit was run, and not its polynomial evaluated."""
    shots: int
    """0 for exact states."""
    signs: str
    """"exact", "noisy" (of the noisy pixels) or "none"."""
    strength: float
    """Error weight of a CX."""
    qubits: int
    """Of the whole run, with the batch register."""
    ancillas: int
    """Qubits that must end in 0, the phase qubit among them."""
    cx: int
    """CX of the circuit without loading; of dense gates by the formula of Shannon decomposition."""
    psnr_db: LibraryDependent
    """Of all pixels of the patches, not clipped."""
    difference_db: LibraryDependent
    """PSNR minus that of the matrix function."""
    error: LibraryDependent
    """Largest error of the polynomial where it is fitted, as a part of the largest value of the function."""
    success: LibraryDependent
    """Probability that all ancillas end in 0."""
    predicted_success: LibraryDependent
    """The same for patches with the moments of the prior."""
    deviation: LibraryDependent
    """Largest difference between the circuit's pixels and the polynomial's, code values; NaN without a circuit."""
    coverage: LibraryDependent
    """Share of the exact moduli inside the intervals of 95 %; NaN without shots."""
    flops: float
    """Real multiplications and additions of the filter, or of the simulated steps; 0 where not counted."""
    filter_seconds: Seconds
    """Time on one thread; 0 where it was not measured."""


EMPTY = Row(
    image="", size=8, patches=0, sigma=0.0, method="", steps=0, executed=False, shots=0, signs="exact", strength=0.0,
    qubits=0, ancillas=0, cx=0, psnr_db=nan, difference_db=nan, error=nan, success=nan, predicted_success=nan,
    deviation=nan, coverage=nan, flops=0.0, filter_seconds=0.0,
)  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """Patches of one size at one level of noise, with the pixels of the matrix function."""

    clean: Array
    """(n, d) without level shift."""
    noisy: Array
    filtered: Array
    row: Row
    """What all rows of the case share."""

    def measured(self, method: str, pixels: Array, **columns: Any) -> Row:
        """The row of a method that gives these pixels."""
        psnr = psnr_db(self.clean, pixels, data_range=255)
        reference = psnr_db(self.clean, self.filtered, data_range=255)
        return replace(self.row, method=method, psnr_db=psnr, difference_db=psnr - reference, **columns)


def case_of(name: str, plane: Array, size: int, sigma: float, rng: np.random.Generator) -> tuple[Case, list[Row]]:
    """The patches with noise, and the rows of the noisy picture and of the matrix function."""
    clean = extract_patches(plane, size) - LEVEL_SHIFT
    noisy = clean + rng.normal(0, sigma, clean.shape)
    moments = second_moments(size)  # outside of the measured time
    filtered, seconds = timed(_matrix_function, noisy, moments, sigma)
    shared = replace(EMPTY, image=name, size=size, patches=len(clean), sigma=sigma)
    case = Case(clean=clean, noisy=noisy, filtered=filtered, row=shared)
    d = size * size
    return case, [
        case.measured(NOISY, noisy),
        case.measured(MATRIX, filtered, flops=2.0 * len(clean) * d * d, filter_seconds=seconds),
    ]


def _matrix_function(noisy: Array, moments: Array, sigma: float) -> Array:
    """The filter by an eigendecomposition and one matrix product."""
    return np.asarray(noisy @ circuits.wiener_filter(noise=sigma**2).matrix(moments))


def transformations(
    case: Case, *, degrees: Sequence[int], odd_degrees: Sequence[int], circuit_degrees: Sequence[int], batch: int
) -> list[Row]:
    """Polynomials of each approximation and degree, and the circuits of some of them."""
    rows = []
    sigma = case.row.sigma
    for approximation in APPROXIMATIONS:
        for degree in sorted(set(odd_degrees if approximation == ODD else degrees)):
            polynomial = wiener_polynomial(8, sigma, approximation, degree)
            pixels = case.noisy @ filter_of(8, sigma, approximation, degree)
            shared = _circuit_columns(case.row, approximation, degree) | {
                "error": polynomial.error,
                "success": _energy_share(pixels * polynomial.factor, case.noisy),
            }
            if approximation in (UNWEIGHTED, ODD) or degree not in circuit_degrees:
                rows.append(case.measured(approximation, pixels, **shared))
                continue
            (made, success), seconds = timed(_executed, case.noisy, polynomial, batch, approximation)
            rows.append(
                case.measured(
                    approximation,
                    made,
                    **{**shared, "success": success},
                    executed=True,
                    deviation=float(np.abs(made - pixels).max()),
                    qubits=encoding(8, approximation).n_qubits + 1 + qubits_for(min(batch, len(made))),
                    flops=_simulated_flops(len(made), batch, degree),
                    filter_seconds=seconds,
                )
            )
    return rows


def _executed(noisy: Array, polynomial: circuits.Polynomial, batch: int, approximation: str) -> tuple[Array, float]:
    """The pixels after the circuit, batch by batch, and the success probability of all of them."""
    parts = [noisy[first : first + batch] for first in range(0, len(noisy), batch)]
    results = [circuits.apply_function(encoding(8, approximation), part, polynomial) for part in parts]
    pixels = np.concatenate([result.vectors.real for result in results])
    return pixels, _energy_share(pixels * polynomial.factor, noisy)


def _energy_share(filtered: Array, noisy: Array) -> float:
    return float((filtered**2).sum() / (noisy**2).sum())


def _circuit_columns(row: Row, approximation: str, degree: int) -> dict[str, Any]:
    """Steps and cost of a transformation."""
    block = encoding(row.size, approximation)
    return {
        "steps": degree,
        "ancillas": block.ancilla_qubits + 1,
        "cx": degree * dense_gate_cx(block.n_qubits) + 2 * (degree + 1),  # a rotation of two qubits takes two CX
        "predicted_success": predicted_success(row.size, row.sigma),
    }


def _simulated_flops(count: int, batch: int, degree: int) -> float:
    """A dense gate on 7 of n qubits takes 2ⁿ · 2⁷ complex multiplications and additions, 8 real ones each."""
    sizes = [min(batch, count - first) for first in range(0, count, batch)]
    return float(sum(8 * 2 ** (8 + qubits_for(size) + 7) * degree for size in sizes))


def sampled(case: Case, *, degree: int, shots: Sequence[int], batch: int, seed: int) -> list[Row]:
    """The moduli of the first batch from shots, with no signs, those of the noisy pixels, and the exact ones."""
    sigma = case.row.sigma
    polynomial = wiener_polynomial(8, sigma, SPECTRUM, degree)
    noisy = case.noisy[:batch]
    first = replace(
        case, clean=case.clean[: batch], noisy=noisy, filtered=case.filtered[: batch],
        row=replace(case.row, patches=len(noisy)),
    )  # fmt: skip
    exact = noisy @ filter_of(8, sigma, SPECTRUM, degree)
    shared = _circuit_columns(case.row, SPECTRUM, degree)
    rows = []
    for count in sorted(set(shots)):
        read = circuits.sample_function(encoding(8, SPECTRUM), noisy, polynomial, shots=count, seed=seed)
        inside = (read.low <= np.abs(exact) + 1e-9) & (np.abs(exact) <= read.high + 1e-9)
        rows += [
            first.measured(
                SHOTS,
                read.moduli * factor,
                **shared,
                executed=True,
                shots=count,
                signs=signs,
                success=float(read.counts.sum() / count),
                coverage=float(inside.mean()),
            )
            for signs, factor in _signs(noisy, exact).items()
        ]
    return rows


def _signs(noisy: Array, exact: Array) -> dict[str, Array]:
    return {"none": np.ones_like(noisy), "noisy": np.sign(noisy), "exact": np.sign(exact)}


def in_noisy_gates(case: Case, *, steps: int, strengths: Sequence[float]) -> list[Row]:
    """4×4 patches by the transformation and by the eigenbasis circuit under noise, with the signs of noisy pixels."""
    rows = []
    sigma = case.row.sigma
    factor = wiener_polynomial(4, sigma, SPECTRUM, steps).factor
    norms = np.linalg.norm(case.noisy, axis=1, keepdims=True)
    for method, scale in ((GATES, factor), (EIGENBASIS_GATES, 1.0)):
        for strength in (0.0, *sorted(set(strengths))):
            cx, measured = _noisy_effects(method, sigma, steps, strength)
            joint = measured.probabilities(case.noisy)
            pixels = np.sqrt(joint) * norms / scale * np.sign(case.noisy)
            rows.append(
                case.measured(
                    method,
                    pixels,
                    steps=steps if method == GATES else 0,
                    executed=True,
                    signs="noisy",
                    strength=strength,
                    qubits=6 if method == GATES else 5,
                    ancillas=2 if method == GATES else 1,
                    cx=cx,
                    success=float((joint.sum(axis=1, keepdims=True) * norms**2).sum() / (norms**2).sum()),
                )
            )
    return rows


@lru_cache
def _noisy_effects(method: str, sigma: float, steps: int, strength: float) -> tuple[int, Effects]:
    """CX of a circuit for 4×4 patches, and what it measures under noise."""
    circuit = transformation_in_gates(4, sigma, steps) if method == GATES else wiener_in_eigenbasis(4, sigma)
    cx = circuit.count_ops().get("cx", 0)
    if strength > 0:
        return cx, effects(circuit, 4, strength)
    if method == GATES:
        block = filter_of(4, sigma, SPECTRUM, steps) * wiener_polynomial(4, sigma, SPECTRUM, steps).factor
    else:
        block = circuits.wiener_filter(noise=sigma**2).matrix(second_moments(4))
    return cx, Effects(operators=np.einsum("ik,jk->kij", block, block))


def prior_rows(*, sigmas: Sequence[float], function_degrees: Sequence[int]) -> list[Row]:
    """Cost of the circuit in the eigenbasis, and errors of other functions against the degree."""
    shared = replace(EMPTY, image=PRIOR)
    rows = []
    for sigma in sigmas:
        cx = 2 * dense_gate_cx(6) + 2**6  # two changes of basis, and one rotation with six controls
        success = predicted_success(8, sigma)
        rows.append(
            replace(shared, method=EIGENBASIS, sigma=sigma, qubits=7, ancillas=1, cx=cx, predicted_success=success)
        )
    return rows + [
        replace(shared, method=f"{name} of {what}", steps=degree, error=error)
        for name, function in functions().items()
        for what, root in (("√ρ", True), ("ρ", False))
        for degree, error in _errors(function, root, function_degrees)
    ]


def functions() -> dict[str, circuits.OperatorFunction]:
    """Functions of ρ = C / λ₁, by name. Root and inverse are those of the eight leading eigenvalues."""
    spectrum = eigenvalues(8)[::-1] / eigenvalues(8)[-1]
    threshold = float(np.sqrt(spectrum[7] * spectrum[8]))
    return {
        "projection": circuits.low_rank_projection(threshold=threshold, width=threshold / 2),
        "square root": circuits.matrix_square_root(smallest=float(spectrum[7])),
        "inverse": circuits.matrix_inverse(smallest=float(spectrum[7])),
    }


def _errors(function: circuits.OperatorFunction, root: bool, degrees: Sequence[int]) -> list[tuple[int, float]]:
    """Largest error of the polynomial of each degree, even for a root and one less for ρ itself."""
    block = _normalised(root)
    even = sorted({degree + degree % 2 for degree in degrees})
    found = []
    for degree in even if root else [degree - 1 for degree in even]:
        found.append((degree, function.polynomial(block, degree=degree).error))
    return found


@lru_cache
def _normalised(root: bool) -> circuits.BlockEncoding:
    return circuits.block_encoding(
        second_moments(8) / eigenvalues(8)[-1], method="dilation", root=root, scale=None if root else 1.0 + 1e-12
    )
