"""What bond dimension does the density matrix of patches need as a matrix-product operator?

The density matrix of 8×8 luma patches of the shipped prior, and of each picture, is an operator over six binary sites
(bits of the row, then of the column, or in turn) or over the two sites row and column. Truncations of growing bond are
compared with the best matrix of low rank that takes no more numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Array,
    Counts,
    Figure,
    PictureParams,
    Table,
    Track,
    among,
    check,
    counted_pictures,
    distinct,
    each,
    groups,
    plot_curves,
    select,
    subplots,
    table_of,
    values,
)
from qimg import prior, tensor_train
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
    operators = {
        picture.name: CorrelationOperator.from_planes(picture.planes()[..., 0]) for picture in params.gather().pictures
    }
    alive = {name: operator for name, operator in operators.items() if np.trace(operator.matrix) > 0}
    rows = []
    for name, operator in track(list({PRIOR: prior.load().operator, **alive}.items())):
        rho = operator.density_matrix()
        share = 1 - tensor_train.operator_train(rho, (8, 8), bond=1).discarded_weight
        rows += [_row(name, rho, order, bond, share) for order in params.orders for bond in params.bonds]
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
    chosen = [row for row in select(rows, image=name, order=order) if row.trace_norm_error <= error]
    return min(chosen, key=lambda row: row.bond, default=None)


def findings(rows: Sequence[Row]) -> list[str]:
    """Bonds that 1 % in trace norm takes, and how far the prior's operator is from a product."""
    sentences = []
    pictures = [name for name in distinct(rows, "image") if name != PRIOR]
    for order in distinct(rows, "order"):
        truncated = needed(rows, PRIOR, order, ERROR)
        if truncated:
            sentences.append(
                f"In the order {order} the prior's density matrix takes a bond of {truncated.bond} and "
                f"{truncated.parameters} numbers for 1 % in trace norm (the error is "
                f"{truncated.trace_norm_error:.4f}, in Frobenius norm {truncated.frobenius_error:.4f}); rank "
                f"{truncated.rank}, of no more numbers, has {truncated.rank_trace_norm_error:.4f}."
            )
        bonds = [row.bond for name in pictures if (row := needed(rows, name, order, ERROR))]
        if bonds:
            sentences.append(
                f"In that order {len(bonds)} of {counted_pictures(len(pictures))} take bonds of {min(bonds)} to "
                f"{max(bonds)}."
            )
    (share,) = distinct(select(rows, image=PRIOR), "separable_share")
    sentences.append(
        f"The product of one row and one column operator that is nearest to the prior's holds {share:.4%} of its "
        "squared norm."
    )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"prior": prior_table(rows), "pictures": picture_table(rows)}


def prior_table(rows: Sequence[Row]) -> Table:
    """Errors of the prior's operator at each bond, and of the best matrix of low rank of no more numbers."""
    order_of = distinct(rows, "order").index
    columns = {
        "order": "order",
        "bond": "bond",
        "numbers": "parameters",
        "trace norm": "trace_norm_error",
        "Frobenius": "frobenius_error",
        "smallest eigenvalue": "smallest_eigenvalue",
        "rank": "rank",
        "its trace norm": "rank_trace_norm_error",
        "its Frobenius": "rank_frobenius_error",
    }
    return table_of(
        sorted(select(rows, image=PRIOR), key=lambda row: (order_of(row.order), row.bond)),
        columns,
        caption="The density matrix of the shipped prior: ‖ρ′ − ρ‖₁ and ‖ρ′ − ρ‖ / ‖ρ‖ of the truncated operator, and "
        "of the best matrix of a rank that takes no more numbers",
        formats={
            "numbers": "_d",
            "smallest eigenvalue": ".0e",
            "trace norm": ".4f",
            "Frobenius": ".5f",
            "its trace norm": ".4f",
            "its Frobenius": ".4f",
        },
    )


def picture_table(rows: Sequence[Row]) -> Table:
    """Bonds that an error of 1 % in trace norm takes, of the prior and of the pictures."""
    pictures = [name for name in distinct(rows, "image") if name != PRIOR]
    body: list[list[object]] = []
    for order in distinct(rows, "order"):
        prior_row = needed(rows, PRIOR, order, ERROR)
        bonds = [row.bond for name in pictures if (row := needed(rows, name, order, ERROR))]
        body.append(
            [
                order,
                prior_row.bond if prior_row else "",
                prior_row.parameters if prior_row else "",
                min(bonds, default=""),
                max(bonds, default=""),
                f"{len(bonds)} of {len(pictures)}",
            ]
        )
    return Table(
        columns=["order", "bond of the prior", "numbers", "least bond of a picture", "largest bond", "reached by"],
        rows=body,
        caption="Bonds for an error of 1 % in trace norm, of those that were measured",
        formats={"numbers": "_d"},
    )


ERROR = 0.01
"""Error in trace norm for which bonds are compared."""


def plot(rows: Sequence[Row]) -> Figure:
    """Errors of the prior's operator against numbers."""
    figure, axes = subplots(1, 2, figsize=(10, 4), sharex=True)
    chosen = select(rows, image=PRIOR)
    measures = {"trace_norm_error": "‖ρ′ − ρ‖₁", "frobenius_error": "‖ρ′ − ρ‖ / ‖ρ‖"}
    for ax, (measure, label) in zip(axes, measures.items(), strict=True):
        lines: dict[str, tuple[Any, ...]] = {}
        for order, own in groups(chosen, "order").items():
            points = sorted(zip(values(own, "parameters"), values(own, measure), strict=True))
            lines[f"bonds, {order}"] = tuple(zip(*points, strict=True))
        ranks = {row.rank: getattr(row, f"rank_{measure}") for row in chosen if 0 < row.rank < 64}
        if ranks:
            lines["rank"] = tuple(zip(*((64 * rank, error) for rank, error in sorted(ranks.items())), strict=True))
        plot_curves(lines, x_label="numbers", y_label=label, ax=ax)
        ax.set_yscale("log")
        ax.set_ylim(bottom=1e-6)
        ax.set_xscale("log")
    return figure
