"""Is a picture the purification of its own correlation operator?

The whole picture is one state |where⟩|what⟩ over patch index and pixel index. Its reduced state, its Schmidt form and
its entanglement entropy are compared with the density matrix, the SVD and the von Neumann entropy of its patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.pictures import PictureParams, Track
from qimg.arguments import integer
from qimg.images import LEVEL_SHIFT
from qimg.operators import CorrelationOperator, von_neumann_entropy
from qimg.patches import extract_patches
from qimg.report import Table
from qimg.states import amplitude_encode, ensemble_density_matrix, picture_state, reduced_what, schmidt_decomposition
from qimg.truncation import discarded_weight, low_rank

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    rank: int = 16
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


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture that is not black everywhere after the level shift."""
    rank = integer("rank", params.rank, 1, 192)
    rows = []
    for picture in track(params.gather().pictures):
        patches = extract_patches(picture.planes()) - LEVEL_SHIFT
        if not patches.any():
            continue
        rho = CorrelationOperator.from_patches(patches).density_matrix()
        state = picture_state(patches)
        schmidt = schmidt_decomposition(state)
        weights = schmidt.coefficients**2
        kept = min(rank, len(weights))
        truncated = low_rank(state, rank=kept).matrix()
        states, norms = amplitude_encode(patches)
        positive = weights[weights > 0]
        rows.append(
            Row(
                image=picture.name,
                patches=len(patches),
                reduced_state_error=float(np.abs(reduced_what(state) - rho).max()),
                ensemble_error=float(np.abs(ensemble_density_matrix(states, norms**2) - rho).max()),
                entropy_bits=float(von_neumann_entropy(rho)),
                entanglement_entropy_bits=float(-(positive * np.log2(positive)).sum()),
                rank=kept,
                discarded_weight=float(discarded_weight(rho, rank=kept)),
                relative_squared_error=float(np.linalg.norm(state - truncated) ** 2),
            )
        )
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    if not rows:
        return ["No picture has energy after the level shift, so there is no state to speak of."]
    reduced = max(row.reduced_state_error for row in rows)
    entropy = max(abs(row.entropy_bits - row.entanglement_entropy_bits) for row in rows)
    weight = max(abs(row.discarded_weight - row.relative_squared_error) for row in rows)
    mean = np.mean([row.entropy_bits for row in rows])
    return [
        f"Tracing out “where” leaves M / tr M to {reduced:.1e}: "
        "the picture is the purification of its correlation operator.",
        f"Its entanglement entropy equals the von Neumann entropy of ρ to {entropy:.1e} bit "
        f"({mean:.2f} bit on average, of {np.log2(192):.2f} possible).",
        "The weight that Schmidt truncation discards equals the relative squared error of the patches "
        f"to {weight:.1e}.",
    ]


def table(rows: Sequence[Row]) -> Table:
    """One line per picture."""
    body = [
        [
            row.image,
            row.patches,
            row.reduced_state_error,
            row.entropy_bits,
            row.entanglement_entropy_bits,
            row.rank,
            row.discarded_weight,
        ]
        for row in rows
    ]
    columns = [
        "picture",
        "patches",
        "error of reduced state",
        "S(ρ), bit",
        "entanglement, bit",
        "rank",
        "discarded weight",
    ]
    return Table(columns=columns, rows=body)


def plot(rows: Sequence[Row]) -> "Figure":
    """Entropy of each picture's operator beside its entanglement entropy."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(7.5, max(2.0, 0.45 * len(rows) + 1.0)))
    position = np.arange(len(rows))
    ax.barh(position - 0.19, [row.entropy_bits for row in rows], 0.36, label="von Neumann entropy of ρ")
    ax.barh(
        position + 0.19,
        [row.entanglement_entropy_bits for row in rows],
        0.36,
        label="entanglement entropy of |where⟩|what⟩",
    )
    ax.set_yticks(position, [row.image for row in rows])
    ax.invert_yaxis()
    ax.set_xlabel("bit")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return figure
