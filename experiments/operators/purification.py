"""Is a picture a purification of its own correlation operator?

The whole picture is one state |where⟩|what⟩ over patch index and pixel index. Its reduced state, its Schmidt form and
its entanglement entropy are compared with the density matrix, the SVD and the von Neumann entropy of its patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Figure,
    Measure,
    Picture,
    PictureParams,
    Table,
    counted_pictures,
    literal_label,
    mean,
    per_picture,
    subplots,
    table_of,
    values,
    whole,
)
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator, shannon_entropy, von_neumann_entropy
from qimg.patches import extract_patches
from qimg.states import amplitude_encode, ensemble_density_matrix, picture_state, reduced_what, schmidt_decomposition
from qimg.truncation import discarded_weight


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    rank: Annotated[int, whole(1, 192)] = 16
    """Rank of the truncation whose discarded weight is compared."""


TINY = Params(box_mean=8)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture's state."""

    image: str
    patches: int
    reduced_state_error: float
    """Largest entry of tr_where |I⟩⟨I| − M / tr M."""
    ensemble_error: float
    """Largest entry of Σ p_i |ψ_i⟩⟨ψ_i| − M / tr M with p_i the patches' shares of the energy."""
    entropy_bits: float
    entanglement_entropy_bits: float
    rank: int
    discarded_weight: float
    relative_squared_error: float


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row, unless every pixel has the level of 128."""
    patches = extract_patches(picture.planes()) - LEVEL_SHIFT
    if not patches.any():
        return []
    rho = CorrelationOperator.from_patches(patches).density_matrix()
    state = picture_state(patches)
    schmidt = schmidt_decomposition(state)
    weights = schmidt.coefficients**2
    kept = min(params.rank, len(weights))
    truncated = (schmidt.left[:, :kept] * schmidt.coefficients[:kept]) @ schmidt.right[:kept]
    states, norms = amplitude_encode(patches)
    return [
        Row(
            image=picture.name,
            patches=len(patches),
            reduced_state_error=float(np.abs(reduced_what(state) - rho).max()),
            ensemble_error=float(np.abs(ensemble_density_matrix(states, norms**2) - rho).max()),
            entropy_bits=float(von_neumann_entropy(rho)),
            entanglement_entropy_bits=float(shannon_entropy(weights / weights.sum())),
            rank=kept,
            discarded_weight=float(discarded_weight(rho, rank=kept)),
            relative_squared_error=float(np.linalg.norm(state - truncated) ** 2),
        )
    ]


run = per_picture(rows_of)


def findings(rows: Sequence[Row]) -> list[str]:
    """Largest deviations from the three equalities."""
    if not rows:
        return ["No picture has energy after the level shift, so there is no state."]
    reduced = max(row.reduced_state_error for row in rows)
    entropy = max(abs(row.entropy_bits - row.entanglement_entropy_bits) for row in rows)
    weight = max(abs(row.discarded_weight - row.relative_squared_error) for row in rows)
    return [
        f"Tracing out “where” leaves M / tr M to {reduced:.1e}: "
        "the picture's state is a purification of its density matrix.",
        f"Its entanglement entropy equals the von Neumann entropy of ρ to {entropy:.1e} bit "
        f"({mean(rows, 'entropy_bits'):.2f} bit on average; 192 dimensions hold at most {np.log2(192):.2f}).",
        "The weight that Schmidt truncation discards equals the relative squared error of the patches "
        f"to {weight:.1e}.",
    ]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"pictures": _pictures(rows), "deviations": _deviations(rows)}


def _pictures(rows: Sequence[Row]) -> Table:
    """One line per picture."""
    return table_of(
        rows,
        {
            "picture": "image",
            "patches": "patches",
            "error of reduced state": "reduced_state_error",
            "S(ρ), bit": "entropy_bits",
            "entanglement, bit": "entanglement_entropy_bits",
            "rank": "rank",
            "discarded weight": "discarded_weight",
        },
        formats={
            "error of reduced state": ".0e",
            "S(ρ), bit": ".3f",
            "entanglement, bit": ".3f",
            "discarded weight": ".4f",
        },
        caption="Error: largest entry of the difference to M / tr M",
    )


def _deviations(rows: Sequence[Row]) -> Table:
    """Largest deviation from every equality over the pictures."""
    deviations: dict[str, Measure] = {
        "reduced state of “what”, density matrix of the patches": "reduced_state_error",
        "mixture of the patches' states, density matrix of the patches": "ensemble_error",
        "entanglement entropy, von Neumann entropy (bit)": lambda row: abs(
            row.entropy_bits - row.entanglement_entropy_bits
        ),
        "discarded weight, relative squared error": lambda row: abs(row.discarded_weight - row.relative_squared_error),
    }
    return Table(
        columns=["equal by theory", "largest difference"],
        rows=[[name, max(values(rows, measure), default=float("nan"))] for name, measure in deviations.items()],
        caption=f"Over {counted_pictures(len(rows))}",
        formats={"largest difference": ".0e"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Entropy of each picture's operator beside its entanglement entropy."""
    figure, ax = subplots(figsize=(5.2, 4.4))
    entropies, entanglement = values(rows, "entropy_bits"), values(rows, "entanglement_entropy_bits")
    ends = [0.95 * min(entropies), 1.05 * max(entropies)]
    ax.plot(ends, ends, color="0.5", linestyle="--", linewidth=1, label="equal")
    ax.plot(entropies, entanglement, "o", label="pictures")
    for row in rows if len(rows) <= 8 else ():  # more names would overlap
        point = (row.entropy_bits, row.entanglement_entropy_bits)
        ax.annotate(literal_label(row.image), point, (6, -9), textcoords="offset points", fontsize=8)
    ax.set(xlabel="von Neumann entropy of ρ, bit", ylabel="entanglement entropy of |where⟩|what⟩, bit")
    ax.legend()
    return figure
