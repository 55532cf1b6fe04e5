"""How many steps of a quantum singular-value transformation denoise patches as well as the Wiener filter?

Level-shifted 8×8 luma patches with white noise are filtered by ρ(ρ + σ²)⁻¹, where ρ holds the second moments of the
shipped prior: as a matrix, and as polynomials of a block encoding of √ρ or ρ, in circuits on Aer for all patches of a
picture at once. Polynomials beyond these circuits are evaluated alone. Shots of the circuit, and 4×4 patches in gates
with depolarizing noise, are shown with the signs that the noisy pixels supply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    HERE,
    Array,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Seed,
    Table,
    Track,
    Workers,
    check,
    curve,
    each,
    figure_of,
    fulfils,
    groups,
    mean,
    positive,
    require,
    rows_by_picture,
    select,
    values,
    whole,
)
from experiments.circuits.denoising_rows import (
    EIGENBASIS_GATES,
    GATES,
    MATRIX,
    NOISY,
    SHOTS,
    Row,
    case_of,
    in_noisy_gates,
    prior_rows,
    sampled,
    transformations,
)
from experiments.circuits.denoising_tables import (
    LARGEST_LOSS,
    cost_table,
    function_table,
    least_steps,
    least_table,
    noise_table,
    of_pictures,
    shots_table,
    steps_table,
    success_table,
)
from experiments.circuits.wiener_circuits import APPROXIMATIONS, amplified

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
    circuit_degrees: Annotated[tuple[int, ...], each(_MULTIPLES_OF_TWO)] = (40, 80)
    """Those of `degrees` for which the circuits of √ρ with weights are run."""
    batch: Annotated[int, whole(1, 1024)] = 1024
    """Most patches of one run."""
    shots: Counts = (10_000, 100_000, 1_000_000)
    """Shots of a run of the largest of `circuit_degrees`."""
    noise_sigma: Annotated[float, positive] = 25.0
    """Standard deviation of the noise of the pixels where the gates are noisy."""
    noise_steps: Annotated[int, _MULTIPLES_OF_TWO] = 8
    """Steps of the transformation of 4×4 patches in gates."""
    strengths: Annotated[tuple[float, ...], each(fulfils(lambda strength: 0 < strength <= 1, "must be in (0, 1]"))] = (
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


def run(params: Params, *, track: Track = iter, workers: Workers = HERE) -> list[Row]:
    """The rows of all pictures, and those of the prior alone."""
    check(params)
    measured = set(params.circuit_degrees) <= set(params.degrees)
    require(measured, "circuit_degrees", "must be among degrees", params.circuit_degrees)
    rows = rows_by_picture(rows_of, params.gather().pictures, params, track=track, workers=workers)
    return rows + prior_rows(sigmas=params.sigmas, function_degrees=params.function_degrees)


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """Rows of one picture: exact states, shots, and noisy gates."""
    plane = _middle(picture.luma().astype(float), params.side)
    source = int(picture.sha256[:8], 16)
    rows: list[Row] = []
    for sigma in params.sigmas:
        rng = np.random.default_rng([params.seed, source, round(1000 * sigma)])
        case, filters = case_of(picture.name, plane, 8, sigma, rng)
        rows += filters
        rows += transformations(
            case,
            degrees=params.degrees,
            odd_degrees=params.odd_degrees,
            circuit_degrees=params.circuit_degrees,
            batch=params.batch,
        )
        rows += sampled(
            case, degree=max(params.circuit_degrees), shots=params.shots, batch=params.batch, seed=params.seed
        )
    rng = np.random.default_rng([params.seed, source, 4])
    case, filters = case_of(picture.name, plane, 4, params.noise_sigma, rng)
    return [*rows, *filters, *in_noisy_gates(case, steps=params.noise_steps, strengths=params.strengths)]


def _middle(plane: Array, side: int) -> Array:
    """The square in the middle of a plane; all of it where it is smaller or `side` is 0."""
    for axis in (0, 1):
        length = plane.shape[axis]
        taken = min(side or length, length)
        first = (length - taken) // 2
        plane = plane.take(range(first, first + taken), axis=axis)
    return plane


def findings(rows: Sequence[Row]) -> list[str]:
    """Steps for the PSNR of the matrix function, and what success, shots and noisy gates do."""
    pictures = of_pictures(rows)
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
        for shots, read in groups(select(own, method=SHOTS, signs="noisy"), "shots").items():
            psnr_db = mean(read, "psnr_db")
            sentences.append(
                f"σ = {sigma:g}: {shots:,} shots with the signs of the noisy pixels give {psnr_db:.2f} dB."
            )
    for method in (GATES, EIGENBASIS_GATES):
        for strength, own in groups(_noisy(pictures, method), "strength").items():
            sentences.append(
                f"{own[0].method.capitalize()}, {max(values(own, 'cx'))} CX of error {strength:.0e}: "
                f"{mean(own, 'difference_db'):+.2f} dB to the matrix function."
            )
    return sentences


def _noisy(rows: Sequence[Row], method: str) -> list[Row]:
    return [row for row in select(rows, method=method) if row.strength]


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


def plot(rows: Sequence[Row]) -> Figure:
    """Loss against steps, shots, and noisy gates."""
    pictures = of_pictures(rows)
    loss, shots = {}, {}
    for sigma, own in groups(select(pictures, size=8), "sigma").items():
        for approximation in APPROXIMATIONS:
            x, y = curve(select(own, method=approximation), "steps", _mean_loss)
            loss[f"σ = {sigma:g}: {approximation}"] = (x, y)
        read = select(own, method=SHOTS)
        for signs in ("noisy", "exact"):
            shots[f"σ = {sigma:g}: {signs} signs"] = curve(select(read, signs=signs), "shots", "psnr_db")
    gates = {
        method: curve(_noisy(pictures, method), "strength", "difference_db") for method in (GATES, EIGENBASIS_GATES)
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
