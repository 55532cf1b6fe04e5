"""Tables of `unitary_denoising`: steps for a PSNR, cost, success, shots, noisy gates, and other functions."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from experiments._run import Table, count_pictures, groups, levels, mean, select, table_of, values
from experiments.circuits.denoising_rows import EIGENBASIS, MATRIX, NOISY, PRIOR, SHOTS, Row
from experiments.circuits.wiener_circuits import APPROXIMATIONS, amplified

LARGEST_LOSS = 0.05
"""Difference of PSNR to the matrix function, in dB, that counts as equal."""


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


def of_pictures(rows: Sequence[Row], **attributes: object) -> list[Row]:
    """The rows of pictures that have these attributes."""
    return [row for row in select(rows, **attributes) if row.image != PRIOR]


def least_table(rows: Sequence[Row]) -> Table:
    """The least measured steps within the largest loss, for each approximation."""
    body = []
    for sigma, own in groups(of_pictures(rows, size=8), "sigma").items():
        psnr = [mean(select(own, method=method), "psnr_db") for method in (NOISY, MATRIX)]
        for approximation in APPROXIMATIONS:
            found = select(own, method=approximation)
            least = [least_steps(found, worst=worst) or "" for worst in (False, True)]
            body.append([sigma, approximation, *least, *psnr])
    return Table(
        columns=["σ", "approximation", "steps, mean", "steps, every picture", "noisy, dB", "matrix function, dB"],
        rows=body,
        caption=f"Least measured degree from which on the PSNR is within {LARGEST_LOSS} dB of the matrix function, on "
        f"average and for every picture; {count_pictures(of_pictures(rows))}",
        formats={"σ": ".0f", "noisy, dB": ".2f", "matrix function, dB": ".2f"},
    )


def steps_table(rows: Sequence[Row]) -> Table:
    """PSNR and error of every approximation and degree."""
    shown = [row for row in of_pictures(rows, size=8) if row.method in (NOISY, MATRIX, *APPROXIMATIONS)]
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
        caption=f"Pictures of at most {max(values(chosen, 'patches'), default=0)} patches; qubits with the batch; CX "
        "of dense gates by the formula of Shannon decomposition; flops and seconds of the simulation, or of the matrix "
        "product with its eigendecomposition (flops of the product alone)",
        formats={"σ": ".0f", "CX": "_.0f", "flops": ".1e", "seconds": ".2g"},
    )


def success_table(rows: Sequence[Row]) -> Table:
    """Repetition against one round of amplitude amplification."""
    chosen = [row for row in of_pictures(rows, size=8) if row.executed and not row.shots]

    def success(own: list[Row]) -> float:
        return mean(own, "success")

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
    sampled = of_pictures(rows, method=SHOTS)
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
    small = of_pictures(rows, size=4)
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
        caption=f"4×4 patches at σ = {small[0].sigma if small else 0:g}, means over {count_pictures(small)}; moduli "
        "with the signs of the noisy pixels, as infinitely many shots would give them",
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
