"""What bond dimension does the density matrix of patches need as a matrix-product operator?

The density matrix of 8×8 luma patches, of the prior that comes with qimg and of each picture, over six binary sites
(bits of the row, then of the column, or in turn) or over the two sites row and column. Truncations of growing bond are
compared with the best matrix of low rank that takes no more numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Counts,
    Figure,
    PictureParams,
    Table,
    Track,
    among,
    check,
    each,
    finite_mean,
    plain_log_axis,
    plot_curves,
    subplots,
)
from qimg import prior, tensor_train
from qimg.core.arguments import Array
from qimg.operators import CorrelationOperator

PRIOR = "prior"
"""Name of the rows of the shipped prior."""

ORDERS = {
    "row_major": ((0,), (1,), (2,), (3,), (4,), (5,)),
    "morton": ((0,), (3,), (1,), (4,), (2,), (5,)),
    "row | column": ((0, 1, 2), (3, 4, 5)),
}
"""Order → bits of each site, counted from the most significant: 0 to 2 are the row."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    orders: Annotated[tuple[str, ...], each(among(ORDERS))] = ("row_major", "morton", "row | column")
    """Names of `ORDERS`."""
    bonds: Counts = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
    """Largest bond dimensions."""


TINY = Params(box_mean=8, bonds=(1, 4))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One density matrix, order and bond."""

    image: str
    order: str
    bond: int
    parameters: int
    """Numbers of the operator, gauge included."""
    frobenius_error: float
    """‖ρ' − ρ‖ / ‖ρ‖."""
    trace_norm_error: float
    """‖ρ' − ρ‖₁; ρ has trace norm 1."""
    smallest_eigenvalue: float
    """Of the truncated operator: below zero it is no density matrix."""
    rank: int
    """Largest rank r of which 64 r numbers (eigenvectors times roots of eigenvalues) are no more; 0 where none is."""
    rank_frobenius_error: float
    rank_trace_norm_error: float
    separable_share: float
    """Share of the squared norm in the nearest product of a row and a column operator."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per density matrix, order and bond: the prior's, then those of all pictures with energy."""
    check(params)
    matrices = {PRIOR: prior.load().operator}
    for picture in params.gather().pictures:
        operator = CorrelationOperator.from_planes(picture.planes()[..., 0])
        if np.trace(operator.matrix) > 0:
            matrices[picture.name] = operator
    rows = []
    for name, operator in track(list(matrices.items())):
        rho = operator.density_matrix()
        share = 1 - tensor_train.operator_train(rho, (8, 8), bond=1).discarded_weight
        for order in params.orders:
            for bond in params.bonds:
                rows.append(_row(name, rho, order, bond, share))
    return rows


def _row(name: str, rho: Array, order: str, bond: int, share: float) -> Row:
    axes = [bit for site in ORDERS[order] for bit in site]
    arranged = rho.reshape((2,) * 12).transpose([*axes, *(6 + axis for axis in axes)]).reshape(64, 64)
    dims = tuple(2 ** len(site) for site in ORDERS[order])
    operator = tensor_train.operator_train(arranged, dims, bond=bond).operator
    truncated = operator.dense()
    # Spectra and norms do not depend on the order, so the rank is cut here as well.
    weights, vectors = np.linalg.eigh(arranged)
    rank = min(operator.parameters // 64, 64)
    leading = vectors[:, 64 - rank :]
    low = (leading * weights[64 - rank :]) @ leading.T
    return Row(
        image=name,
        order=order,
        bond=bond,
        parameters=operator.parameters,
        frobenius_error=_frobenius(truncated, arranged),
        trace_norm_error=_trace_norm(truncated - arranged),
        smallest_eigenvalue=float(np.linalg.eigvalsh((truncated + truncated.T) / 2)[0]),
        rank=rank,
        rank_frobenius_error=_frobenius(low, arranged),
        rank_trace_norm_error=_trace_norm(low - arranged),
        separable_share=share,
    )


def _frobenius(changed: Array, matrix: Array) -> float:
    return float(np.linalg.norm(changed - matrix) / np.linalg.norm(matrix))


def _trace_norm(difference: Array) -> float:
    return float(np.linalg.svd(difference, compute_uv=False).sum())


def needed(rows: Sequence[Row], name: str, order: str, error: float) -> Row | None:
    """The row of smallest bond whose trace-norm error is at most `error`, if there is one."""
    chosen = [row for row in rows if (row.image, row.order) == (name, order) and row.trace_norm_error <= error]
    return min(chosen, key=lambda row: row.bond) if chosen else None


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    sentences = []
    for order in dict.fromkeys(row.order for row in rows):
        found = needed(rows, PRIOR, order, 0.01)
        if found:
            sentences.append(
                f"In the order {order} the prior's density matrix takes a bond of {found.bond} and {found.parameters} "
                f"numbers for 1 % in trace norm (it leaves {found.trace_norm_error:.4f}, in Frobenius norm "
                f"{found.frobenius_error:.4f}); rank {found.rank}, of no more numbers, leaves "
                f"{found.rank_trace_norm_error:.4f}."
            )
        pictures = [needed(rows, name, order, 0.01) for name in _pictures(rows)]
        bonds = [row.bond for row in pictures if row]
        if bonds:
            sentences.append(
                f"In that order {len(bonds)} of {len(pictures)} picture(s) take bonds of {min(bonds)} to {max(bonds)}."
            )
    (share,) = {row.separable_share for row in rows if row.image == PRIOR}
    sentences.append(
        f"The product of one row and one column operator that is nearest to the prior's holds {share:.4%} of its "
        "squared norm."
    )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Errors of the prior's operator, and means over the pictures."""
    body = []
    for order in dict.fromkeys(row.order for row in rows):
        for bond in sorted({row.bond for row in rows}):
            (of_prior,) = [row for row in rows if (row.image, row.order, row.bond) == (PRIOR, order, bond)]
            pictures = [row for row in rows if row.image != PRIOR and (row.order, row.bond) == (order, bond)]
            body.append(
                [
                    order,
                    bond,
                    of_prior.parameters,
                    of_prior.frobenius_error,
                    of_prior.trace_norm_error,
                    of_prior.smallest_eigenvalue,
                    of_prior.rank,
                    of_prior.rank_frobenius_error,
                    of_prior.rank_trace_norm_error,
                    finite_mean(row.trace_norm_error for row in pictures),
                    finite_mean(row.rank_trace_norm_error for row in pictures),
                ]
            )
    columns = ["order", "bond", "numbers", "Frobenius", "trace norm", "smallest eigenvalue"]
    columns += ["rank", "its Frobenius", "its trace norm", "pictures: trace norm", "pictures: rank"]
    return Table(
        columns=columns,
        rows=body,
        caption=f"Luma patches of 8×8: the shipped prior, and means over {len(_pictures(rows))} picture(s)",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Errors of the prior's operator against numbers."""
    figure, axes = subplots(1, 2, figsize=(10.5, 4.0), sharex=True)
    chosen = [row for row in rows if row.image == PRIOR]
    for ax, measure, label in zip(
        axes,
        ("trace_norm_error", "frobenius_error"),
        ("‖ρ′ − ρ‖₁", "‖ρ′ − ρ‖ / ‖ρ‖"),
        strict=True,
    ):
        curves: dict[str, tuple[Any, ...]] = {}
        for order in dict.fromkeys(row.order for row in chosen):
            points = [(row.parameters, getattr(row, measure)) for row in chosen if row.order == order]
            curves[f"bonds, {order}"] = tuple(zip(*sorted(points), strict=True))
        ranks = sorted({(row.rank, getattr(row, f"rank_{measure}")) for row in chosen if 0 < row.rank < 64})
        if ranks:
            curves["rank"] = ([64 * rank for rank, _ in ranks], [error for _, error in ranks])
        plot_curves(curves, x_label="numbers", y_label=label, ax=ax)
        ax.set_yscale("log")
        ax.set_ylim(bottom=1e-6)
        plain_log_axis(ax, "x")
    return figure


def _pictures(rows: Sequence[Row]) -> list[str]:
    return [name for name in dict.fromkeys(row.image for row in rows) if name != PRIOR]
