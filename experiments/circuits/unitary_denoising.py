"""How many steps of a quantum singular-value transformation denoise patches as well as the Wiener filter?

Level-shifted 8×8 luma patches with white noise are filtered by ρ(ρ + σ²)⁻¹, where ρ holds the second moments of the
shipped prior: as a matrix, and as polynomials of a block encoding of √ρ or ρ, in circuits on Aer for all patches of a
picture at once. Polynomials beyond these circuits are evaluated alone. Shots of the circuit, and 4×4 patches in gates
with depolarizing noise, are shown with the signs that the noisy pixels supply.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import nan
from typing import Annotated

import numpy as np

import circuits
from experiments._run import (
    HERE,
    Array,
    Counts,
    Figure,
    LibraryDependent,
    Panel,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    Track,
    Workers,
    check,
    count_pictures,
    curve,
    each,
    figure_of,
    fulfils,
    groups,
    levels,
    mean,
    positive,
    rows_by_picture,
    select,
    table_of,
    timed,
    values,
    whole,
)
from experiments.circuits.wiener_circuits import (
    APPROXIMATIONS,
    INTERVAL,
    ODD,
    SPECTRUM,
    UNWEIGHTED,
    amplified,
    dense_gate_cx,
    effects,
    eigenbasis_circuit,
    eigenvalues,
    encoding,
    filter_of,
    predicted_success,
    second_moments,
    transformation_in_gates,
    wiener_polynomial,
)
from qimg.images import LEVEL_SHIFT
from qimg.metrics import psnr_db
from qimg.patches import extract_patches
from qimg.states import qubits_for

NOISY, MATRIX, EIGENBASIS = "noisy", "matrix function", "eigenbasis circuit"
SHOTS, GATES, EIGENBASIS_GATES = "shots", "transformation in noisy gates", "eigenbasis in noisy gates"
PRIOR = "prior"

LARGEST_LOSS = 0.05
"""Difference of PSNR to the matrix function, in dB, that counts as equal."""

_MULTIPLES_OF_TWO = fulfils(lambda degree: degree >= 2 and degree % 2 == 0, "must be even and at least 2")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    side: Annotated[int, fulfils(lambda side: side == 0 or side >= 8, "must be 0 or at least 8")] = 128
    """Side of the square in the middle of each picture that is used; 0 for the whole picture."""
    sigmas: Annotated[tuple[float, ...], each(positive)] = (10.0, 25.0)
    """Standard deviations of the noise, code values."""
    degrees: Annotated[tuple[int, ...], each(_MULTIPLES_OF_TWO)] = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120)
    """Degrees of even polynomials in √ρ."""
    odd_degrees: Annotated[tuple[int, ...], each(fulfils(lambda degree: degree % 2 == 1, "must be odd"))] = (
        101,
        301,
        601,
        1201,
        1801,
        2401,
        3201,
        3999,
    )
    """Degrees of odd polynomials in ρ, which are evaluated without a circuit."""
    circuit_degrees: Annotated[tuple[int, ...], each(_MULTIPLES_OF_TWO)] = (40, 50, 80, 110)
    """Those of `degrees` for which the circuits of √ρ with weights are run."""
    batch: Annotated[int, whole(1, 1024)] = 1024
    """Most patches of one run."""
    shots: Counts = (10_000, 100_000, 1_000_000)
    """Shots of a run of the largest of `circuit_degrees`."""
    noise_sigma: Annotated[float, positive] = 25.0
    """Standard deviation of the noise of the pixels where the gates are noisy."""
    noise_steps: Annotated[int, _MULTIPLES_OF_TWO] = 16
    """Steps of the transformation of 4×4 patches in gates."""
    strengths: Annotated[tuple[float, ...], each(fulfils(lambda strength: 0 < strength <= 1, "must be in (0, 1]"))] = (
        1e-6,
        1e-5,
        1e-4,
        1e-3,
    )
    """Error weights of a CX; a tenth on gates of one qubit."""
    function_degrees: Counts = (10, 20, 40, 80, 160)
    """Degrees at which other functions are approximated, even for √ρ and one less for ρ."""
    seed: Seed = 0
    """Seed of the noise of pixels and of the shots."""


TINY = Params(
    box_mean=8,
    side=16,
    sigmas=(25.0,),
    degrees=(4, 8, 20),
    odd_degrees=(9, 301),
    circuit_degrees=(8,),
    shots=(2000,),
    noise_steps=2,
    strengths=(1e-4,),
    function_degrees=(8, 16),
)


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


_EMPTY = Row(
    image="", size=8, patches=0, sigma=0.0, method="", steps=0, executed=False, shots=0, signs="exact", strength=0.0,
    qubits=0, ancillas=0, cx=0, psnr_db=nan, difference_db=nan, error=nan, success=nan, predicted_success=nan,
    deviation=nan, coverage=nan, flops=0.0, filter_seconds=0.0,
)  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class _Case:
    """Patches of one size at one level of noise, with the pixels of the matrix function."""

    clean: Array
    """(n, d) without level shift."""
    noisy: Array
    filtered: Array
    row: Row
    """What all rows of the case share."""

    def measured(self, method: str, pixels: Array, **columns: object) -> Row:
        """The row of a method that gives these pixels."""
        psnr = psnr_db(self.clean, pixels, data_range=255)
        reference = psnr_db(self.clean, self.filtered, data_range=255)
        return replace(self.row, method=method, psnr_db=psnr, difference_db=psnr - reference, **columns)


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """The rows of all pictures, and those of the prior alone."""
    check(params)
    unknown = sorted(set(params.circuit_degrees) - set(params.degrees))
    if unknown:
        raise ValueError(f"circuit_degrees must be among degrees, but circuit_degrees={unknown}")
    rows = rows_by_picture(rows_of, params.gather().pictures, params, track=track, workers=workers)
    return rows + _prior_rows(params)


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Rows of one picture: exact states, shots, and noisy gates."""
    plane = _middle(picture.luma().astype(float), params.side)
    source = int(picture.sha256[:8], 16)
    rows: list[Row] = []
    for sigma in params.sigmas:
        rng = np.random.default_rng([params.seed, source, round(1000 * sigma)])
        case, filters = _case(picture.name, plane, 8, sigma, rng)
        rows += [*filters, *_transformations(case, params), *_sampled(case, params)]
    rng = np.random.default_rng([params.seed, source, 4])
    case, filters = _case(picture.name, plane, 4, params.noise_sigma, rng)
    return [*rows, *filters, *_in_noisy_gates(case, params)]


def _middle(plane: Array, side: int) -> Array:
    """The square in the middle of a plane; all of it where it is smaller or `side` is 0."""
    for axis in (0, 1):
        length = plane.shape[axis]
        taken = min(side or length, length)
        first = (length - taken) // 2
        plane = plane.take(range(first, first + taken), axis=axis)
    return plane


def _case(name: str, plane: Array, size: int, sigma: float, rng: np.random.Generator) -> tuple[_Case, list[Row]]:
    """The patches with noise, and the rows of the noisy picture and of the matrix function."""
    clean = extract_patches(plane, size) - LEVEL_SHIFT
    noisy = clean + rng.normal(0, sigma, clean.shape)
    filtered, seconds = timed(_matrix_function, noisy, size, sigma)
    shared = replace(_EMPTY, image=name, size=size, patches=len(clean), sigma=sigma)
    case = _Case(clean=clean, noisy=noisy, filtered=filtered, row=shared)
    d = size * size
    return case, [
        case.measured(NOISY, noisy),
        case.measured(MATRIX, filtered, flops=2.0 * len(clean) * d * d, filter_seconds=seconds),
    ]


def _matrix_function(noisy: Array, size: int, sigma: float) -> Array:
    """The filter by an eigendecomposition and one matrix product."""
    return np.asarray(noisy @ circuits.wiener_filter(noise=sigma**2).matrix(second_moments(size)))


def _transformations(case: _Case, params: Params) -> list[Row]:
    """Polynomials of each approximation and degree, and the circuits of some of them."""
    rows = []
    sigma = case.row.sigma
    for approximation in APPROXIMATIONS:
        for degree in sorted(set(params.odd_degrees if approximation == ODD else params.degrees)):
            polynomial = wiener_polynomial(8, sigma, approximation, degree)
            pixels = case.noisy @ filter_of(8, sigma, approximation, degree)
            shared = _circuit_columns(case.row, approximation, degree) | {
                "error": polynomial.error,
                "success": _energy_share(pixels * polynomial.factor, case.noisy),
            }
            if approximation in (UNWEIGHTED, ODD) or degree not in params.circuit_degrees:
                rows.append(case.measured(approximation, pixels, **shared))
                continue
            (made, success), seconds = timed(_executed, case.noisy, polynomial, params.batch, approximation)
            rows.append(
                case.measured(
                    approximation,
                    made,
                    **{**shared, "success": success},
                    executed=True,
                    deviation=float(np.abs(made - pixels).max()),
                    qubits=encoding(8, approximation).n_qubits + 1 + qubits_for(min(params.batch, len(made))),
                    flops=_simulated_flops(len(made), params.batch, degree),
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


def _circuit_columns(row: Row, approximation: str, degree: int) -> dict[str, object]:
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


def _sampled(case: _Case, params: Params) -> list[Row]:
    """The moduli of the first batch from shots, with no signs, those of the noisy pixels, and the exact ones."""
    degree, sigma = max(params.circuit_degrees), case.row.sigma
    polynomial = wiener_polynomial(8, sigma, SPECTRUM, degree)
    noisy = case.noisy[: params.batch]
    first = replace(
        case, clean=case.clean[: params.batch], noisy=noisy, filtered=case.filtered[: params.batch],
        row=replace(case.row, patches=len(noisy)),
    )  # fmt: skip
    exact = noisy @ filter_of(8, sigma, SPECTRUM, degree)
    shared = _circuit_columns(case.row, SPECTRUM, degree)
    rows = []
    for shots in sorted(set(params.shots)):
        sampled = circuits.sample_function(encoding(8, SPECTRUM), noisy, polynomial, shots=shots, seed=params.seed)
        inside = (sampled.low <= np.abs(exact) + 1e-9) & (np.abs(exact) <= sampled.high + 1e-9)
        rows += [
            first.measured(
                SHOTS,
                sampled.moduli * factor,
                **shared,
                executed=True,
                shots=shots,
                signs=signs,
                success=float(sampled.counts.sum() / shots),
                coverage=float(inside.mean()),
            )
            for signs, factor in _signs(noisy, exact).items()
        ]
    return rows


def _signs(noisy: Array, exact: Array) -> dict[str, Array]:
    return {"none": np.ones_like(noisy), "noisy": np.sign(noisy), "exact": np.sign(exact)}


def _in_noisy_gates(case: _Case, params: Params) -> list[Row]:
    """4×4 patches by the transformation and by the eigenbasis circuit under noise, with the signs of noisy pixels."""
    rows = []
    sigma, steps = params.noise_sigma, params.noise_steps
    factor = wiener_polynomial(4, sigma, SPECTRUM, steps).factor
    norms = np.linalg.norm(case.noisy, axis=1, keepdims=True)
    for method, scale in ((GATES, factor), (EIGENBASIS_GATES, 1.0)):
        for strength in (0.0, *sorted(set(params.strengths))):
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
def _noisy_effects(method: str, sigma: float, steps: int, strength: float):  # type: ignore[no-untyped-def]
    """CX of a circuit for 4×4 patches, and what it measures under noise."""
    circuit = transformation_in_gates(4, sigma, steps) if method == GATES else eigenbasis_circuit(4, sigma)
    return circuit.count_ops().get("cx", 0), effects(circuit, 4, strength)


def _prior_rows(params: Params) -> list[Row]:
    """Cost of the circuit in the eigenbasis, and errors of other functions against the degree."""
    shared = replace(_EMPTY, image=PRIOR)
    rows = []
    for sigma in params.sigmas:
        cx = eigenbasis_circuit(8, sigma).count_ops().get("cx", 0)
        success = predicted_success(8, sigma)
        rows.append(
            replace(shared, method=EIGENBASIS, sigma=sigma, qubits=7, ancillas=1, cx=cx, predicted_success=success)
        )
    return rows + [
        replace(shared, method=f"{name} of {what}", steps=degree, error=error)
        for name, function in functions().items()
        for what, root in (("√ρ", True), ("ρ", False))
        for degree, error in _errors(function, root, params.function_degrees)
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


def least_steps(rows: Sequence[Row], *, worst: bool = False) -> int:
    """Least steps from which on all rows' mean PSNR is within `LARGEST_LOSS` of the matrix function; 0 if none.

    Args:
        rows: of one approximation and one σ.
        worst: each picture must be within it, and not only the mean.
    """
    reached = 0
    for steps in reversed(levels(rows, "steps")):
        differences = np.array(values(select(rows, steps=steps), "difference_db"))
        finite = differences[np.isfinite(differences)]
        off = np.abs(finite).max(initial=0.0) if worst else abs(float(finite.mean())) if finite.size else 0.0
        if off > LARGEST_LOSS:
            break
        reached = steps
    return reached


def findings(rows: Sequence[Row]) -> list[str]:
    """Steps for the PSNR of the matrix function, and what success, shots and noisy gates do."""
    pictures = [row for row in rows if row.image != PRIOR]
    sentences = []
    for sigma, own in groups(select(pictures, size=8), "sigma").items():
        psnr = {method: mean(select(own, method=method), "psnr_db") for method in (NOISY, MATRIX)}
        steps = ", ".join(f"{name}: {least_steps(select(own, method=name)) or 'none'}" for name in APPROXIMATIONS)
        sentences.append(
            f"σ = {sigma:g}: {psnr[NOISY]:.2f} dB before and {psnr[MATRIX]:.2f} dB after the matrix function; steps "
            f"measured that are within {LARGEST_LOSS} dB of it on average: {steps}."
        )
        run_ = [row for row in own if row.executed and not row.shots]
        if run_:
            success = mean(run_, "success")
            sentences.append(
                f"σ = {sigma:g}: the circuit succeeds with probability {success:.3f}; one round of amplification "
                f"would take three times the steps and succeed with {amplified(success):.3f}."
            )
            ratio = mean(run_, "filter_seconds") / max(mean(select(own, method=MATRIX), "filter_seconds"), 1e-9)
            sentences.append(f"σ = {sigma:g}: the matrix function takes less time, by a factor of {ratio:,.0f}.")
        for shots, sampled in groups(select(own, method=SHOTS, signs="noisy"), "shots").items():
            sentences.append(
                f"σ = {sigma:g}: {shots:,} shots with the signs of the noisy pixels give {mean(sampled, 'psnr_db'):.2f} dB."
            )
    for method in (GATES, EIGENBASIS_GATES):
        for strength, own in groups(
            [row for row in select(pictures, method=method) if row.strength], "strength"
        ).items():
            sentences.append(
                f"{own[0].method.capitalize()}, {max(values(own, 'cx'))} CX of error {strength:.0e}: "
                f"{mean(own, 'difference_db'):+.2f} dB to the matrix function."
            )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {
        "least": least_table(rows),
        "steps": steps_table(rows),
        "cost": cost_table(rows),
        "success": success_table(rows),
        "shots": shots_table(rows),
        "noise": noise_table(rows),
        "functions": function_table(rows),
    }


def _pictures(rows: Sequence[Row], **attributes: object) -> list[Row]:
    return [row for row in select(rows, **attributes) if row.image != PRIOR]


def least_table(rows: Sequence[Row]) -> Table:
    """The least measured steps within the largest loss, for each approximation."""
    body = []
    for sigma, own in groups(_pictures(rows, size=8), "sigma").items():
        psnr = [mean(select(own, method=method), "psnr_db") for method in (NOISY, MATRIX)]
        for approximation in APPROXIMATIONS:
            found = select(own, method=approximation)
            least = [least_steps(found, worst=worst) or "" for worst in (False, True)]
            body.append([sigma, approximation, *least, *psnr])
    return Table(
        columns=["σ", "approximation", "steps, mean", "steps, every picture", "noisy, dB", "matrix function, dB"],
        rows=body,
        caption=f"Least measured degree from which on the PSNR is within {LARGEST_LOSS} dB of the matrix function, on "
        f"average and for every picture; {count_pictures(_pictures(rows))}",
        formats={"σ": ".0f", "noisy, dB": ".2f", "matrix function, dB": ".2f"},
    )


def steps_table(rows: Sequence[Row]) -> Table:
    """PSNR and error of every approximation and degree."""
    shown = [row for row in _pictures(rows, size=8) if row.method in (NOISY, MATRIX, *APPROXIMATIONS)]
    return table_of(
        sorted(shown, key=lambda row: row.sigma),
        {
            "σ": "sigma",
            "method": "method",
            "steps": lambda own: own[0].steps or "",
            "circuit run": lambda own: "yes" if own[0].executed else "",
            "PSNR, dB": "psnr_db",
            "difference, dB": "difference_db",
            "largest, dB": lambda own: max(np.abs(values(own, "difference_db"))),
            "largest error": "error",
            "circuit − polynomial": lambda own: max(values(own, "deviation")),
        },
        by=("sigma", "method", "steps"),
        caption=f"Means over {count_pictures(shown)}; *difference*: to the matrix function, and the largest one of a "
        "picture; *circuit − polynomial*: largest difference of a pixel, code values",
        formats={"σ": ".0f", "PSNR, dB": ".2f", "difference, dB": "+.3f", "largest, dB": ".3f"}
        | {"largest error": ".4f", "circuit − polynomial": ".0e"},
    )


def cost_table(rows: Sequence[Row]) -> Table:
    """What each way costs."""
    chosen = [row for row in rows if row.size == 8 and not row.shots]
    chosen = [row for row in chosen if row.method in (MATRIX, EIGENBASIS) or row.executed]
    return table_of(
        sorted(chosen, key=lambda row: row.sigma),
        {
            "σ": "sigma",
            "method": "method",
            "steps": lambda own: own[0].steps or "",
            "qubits": lambda own: max(values(own, "qubits")) or "",
            "ancillas": lambda own: own[0].ancillas or "",
            "CX": lambda own: own[0].cx or "",
            "flops": lambda own: mean(own, "flops") or "",
            "seconds": lambda own: mean(own, "filter_seconds") or "",
        },
        by=("sigma", "method", "steps"),
        caption=f"{max(values(chosen, 'patches'), default=0)} patches at most in a picture; qubits with the batch; CX of "
        "dense gates by the formula of Shannon decomposition; flops and seconds of the simulation, or of the matrix "
        "product with its eigendecomposition (flops of the product alone)",
        formats={"σ": ".0f", "CX": "_.0f", "flops": ".1e", "seconds": ".2g"},
    )


def success_table(rows: Sequence[Row]) -> Table:
    """Repetition against one round of amplitude amplification."""
    chosen = [row for row in _pictures(rows, size=8) if row.executed and not row.shots]
    success: Callable[[list[Row]], float] = lambda own: mean(own, "success")  # noqa: E731
    return table_of(
        sorted(chosen, key=lambda row: row.sigma),
        {
            "σ": "sigma",
            "method": "method",
            "steps": "steps",
            "success": success,
            "least": lambda own: min(values(own, "success")),
            "of the prior": "predicted_success",
            "steps for a success": lambda own: own[0].steps / success(own),
            "amplified success": lambda own: amplified(success(own)),
            "amplified steps": lambda own: 3 * own[0].steps / max(amplified(success(own)), 1e-12),
        },
        by=("sigma", "method", "steps"),
        caption=f"Means over {count_pictures(chosen)}; *amplified*: after one round of amplitude amplification",
        formats={"σ": ".0f", "steps for a success": ".0f", "amplified steps": "_.0f"}
        | dict.fromkeys(("success", "least", "of the prior", "amplified success"), ".3f"),
    )


def shots_table(rows: Sequence[Row]) -> Table:
    """PSNR from shots, with each source of signs."""
    sampled = _pictures(rows, method=SHOTS)
    sources = {f"{signs} signs, dB": signs for signs in ("none", "noisy", "exact")}
    return table_of(
        sorted(sampled, key=lambda row: row.sigma),
        {
            "σ": "sigma",
            "shots": "shots",
            "shots for each pixel": lambda own: mean(own, lambda row: row.shots / (row.patches * row.size**2)),
            **{heading: _of_signs(signs) for heading, signs in sources.items()},
            "inside the intervals": "coverage",
        },
        by=("sigma", "shots"),
        caption=f"Means over {count_pictures(sampled)}; *signs*: none, those of the noisy pixels, or the exact ones of "
        "the filtered pixels; *inside*: share of the exact moduli in the intervals of 95 %",
        formats={"σ": ".0f", "shots": "_d", "shots for each pixel": ".2g", **dict.fromkeys(sources, ".2f")}
        | {"inside the intervals": ".3f"},
    )


def _of_signs(signs: str) -> Callable[[list[Row]], float]:
    return lambda own: mean(select(own, signs=signs), "psnr_db")


def noise_table(rows: Sequence[Row]) -> Table:
    """4×4 patches in gates with depolarizing noise."""
    small = _pictures(rows, size=4)
    return table_of(
        small,
        {
            "method": "method",
            "steps": lambda own: own[0].steps or "",
            "CX": lambda own: own[0].cx or "",
            "error of a CX": lambda own: own[0].strength if own[0].cx else "",
            "PSNR, dB": "psnr_db",
            "difference, dB": "difference_db",
            "success": lambda own: mean(own, "success") if own[0].cx else "",
        },
        by=("method", "strength"),
        caption=f"4×4 patches at σ = {small[0].sigma if small else 0:g}, means over {count_pictures(small)}; moduli with "
        "the signs of the noisy pixels, as infinitely many shots would give them",
        formats={"CX": "_.0f", "error of a CX": ".0e", "PSNR, dB": ".2f", "difference, dB": "+.2f", "success": ".3f"},
    )


def function_table(rows: Sequence[Row]) -> Table:
    """Largest error of other functions against the degree."""
    chosen = [row for row in rows if row.image == PRIOR and row.steps]
    rounded = [replace(row, steps=row.steps + row.steps % 2) for row in chosen]
    degrees = levels(rounded, "steps")
    return Table(
        columns=["function", *(f"degree {degree}" for degree in degrees)],
        rows=[
            [name, *(mean(own, "error", steps=degree) for degree in degrees)]
            for name, own in groups(rounded, "method").items()
        ],
        caption="Largest error where the function is approximated; polynomials in ρ are odd, of a degree that is less "
        "by one; ρ is divided by its largest eigenvalue; projection, root and inverse of the eight leading eigenvalues",
        formats=dict.fromkeys((f"degree {degree}" for degree in degrees), ".1e"),
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Loss against steps, shots, and noisy gates."""
    pictures = _pictures(rows)
    loss, shots = {}, {}
    for sigma, own in groups(select(pictures, size=8), "sigma").items():
        for approximation in APPROXIMATIONS:
            x, y = curve(select(own, method=approximation), "steps", _mean_loss)
            loss[f"σ = {sigma:g}: {approximation}"] = (x, y)
        sampled = select(own, method=SHOTS)
        for signs in ("noisy", "exact"):
            shots[f"σ = {sigma:g}: {signs} signs"] = curve(select(sampled, signs=signs), "shots", "psnr_db")
    gates = {
        method: curve([row for row in select(pictures, method=method) if row.strength], "strength", "difference_db")
        for method in (GATES, EIGENBASIS_GATES)
    }
    figure = figure_of(
        Panel(curves=loss, x="steps", y="loss to the matrix function, dB", log="xy", dashed=(LARGEST_LOSS,)),
        Panel(curves=shots, x="shots", y="PSNR, dB", log="x"),
        Panel(curves=gates, x="error of a CX", y="PSNR minus matrix function, dB"),
        size=(15, 4.2),
    )
    figure.axes[2].set_xscale("log")
    return figure


def _mean_loss(rows: Sequence[Row]) -> float:
    """Mean distance of the PSNR to that of the matrix function, at least a thousandth of a dB."""
    return max(1e-3, mean(rows, lambda row: abs(row.difference_db)))
