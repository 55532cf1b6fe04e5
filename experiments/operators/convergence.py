"""How many pictures does the correlation operator need before its spectrum and eigenbasis settle?

Pictures, not patches, are resampled: n of them are drawn with replacement, their operators added, and the sum is
compared with the operator of all pictures. At n = N this is the bootstrap estimate of the error of the operator itself.
For the code length the pictures are split into halves, anew for every draw: n of one half make the operator, and the
other half, unseen, is coded with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Count,
    Figure,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    finite_quantiles,
    plain_log_axis,
    plot_curves,
    subplots,
    whole,
)
from experiments.operators import unseen
from qimg import metrics
from qimg.core.arguments import Array
from qimg.operators import eigenbasis, von_neumann_entropy
from qimg.transforms import ac_block


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    draws: Count = 60
    """Resamples of the pictures at every n."""
    rank: Annotated[int, whole(1, 63)] = 8
    """Eigenvectors whose subspace is followed."""
    seed: Seed = 0
    """Seed of the resampling."""


TINY = Params(box_mean=4, draws=4)

BLOCKS = {"joint": "Y'CbCr, 192", "luma": "Y, 64", "luma AC": "Y without DC, 63", "chroma": "Cb and Cr, 128"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One resample of n pictures, compared with all pictures."""

    block: str
    n_images: int
    draw: int
    trace_distance: float
    fidelity: float
    entropy_bits: float
    subspace_cos2: float
    """Mean squared cosine of the principal angles between the leading eigenspaces; 1 = the same subspace."""
    energy_lost: float
    """Share of the energy of all pictures that the resample's leading eigenvectors miss beyond the best ones."""
    cross_error: float
    """Relative Frobenius error of the cross block luma × chroma, for "joint"; NaN for the others."""
    operator_error: float
    """Relative Frobenius error of the density matrix."""
    largest_angle_degrees: float
    """Largest principal angle between the leading eigenspaces."""
    excess_bits_per_pixel: float
    """Code length on the unseen half of the pictures beyond that of their own operator, traces made equal. For
    "luma AC" and n up to half of the pictures; NaN elsewhere. Its n pictures are others than those of the row's
    other measures: drawn without replacement from the half that is seen."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per block, number of pictures and draw."""
    check(params)
    pictures = params.gather().pictures
    operators = [picture.operator() for picture in track(pictures)]
    moments = np.stack([operator.matrix for operator in operators])
    rng = np.random.default_rng(params.seed)
    total = len(pictures)
    sizes = sorted(
        {n for n in (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 500, 1000) if n < total} | {total}
    )
    samples = [(n, draw, rng.integers(total, size=n)) for n in sizes for draw in range(params.draws)]
    counts = [operator.count for operator in operators]
    halves = unseen.Halves(ac_block(moments[:, :64, :64]), counts, draws=params.draws, seed=params.seed)
    rows: list[Row] = []
    references = {block: _density(moments.sum(axis=0), block) for block in BLOCKS}
    bases = {block: eigenbasis(rho)[:, : params.rank] for block, rho in references.items() if rho is not None}
    for n, draw, chosen in track(samples):
        matrix = np.einsum("n,nij->ij", np.bincount(chosen, minlength=total).astype(float), moments)
        for block, reference in references.items():
            rho = _density(matrix, block)
            if rho is None or reference is None:
                continue  # gray pictures have no chroma, constant ones no AC energy
            excess = halves.excess(n, draw) if block == "luma AC" else float("nan")
            rows.append(_row(block, n, draw, rho, reference, bases[block], excess))
    return rows


def _row(block: str, n: int, draw: int, rho: Array, reference: Array, best: Array, excess: float) -> Row:
    basis = eigenbasis(rho)[:, : best.shape[1]]
    kept = float(np.trace(basis.T @ reference @ basis))
    optimum = float(np.trace(best.T @ reference @ best))
    cross = float("nan")
    if block == "joint":
        size = np.linalg.norm(reference[:64, 64:])
        cross = float(np.linalg.norm(rho[:64, 64:] - reference[:64, 64:]) / size) if size > 0 else cross
    cosines = np.linalg.svd(basis.T @ best, compute_uv=False)
    return Row(
        block=block,
        n_images=n,
        draw=draw,
        trace_distance=float(metrics.trace_distance(rho, reference)),
        fidelity=float(metrics.fidelity(rho, reference)),
        entropy_bits=float(von_neumann_entropy(rho)),
        subspace_cos2=float(np.linalg.norm(basis.T @ best) ** 2 / best.shape[1]),
        energy_lost=optimum - kept,
        cross_error=cross,
        operator_error=float(np.linalg.norm(rho - reference) / np.linalg.norm(reference)),
        largest_angle_degrees=float(np.degrees(np.arccos(min(cosines[-1], 1.0)))),
        excess_bits_per_pixel=excess,
    )


def _density(matrix: Array, block: str) -> Array | None:
    """The block of second moments as a density matrix; None where it carries no energy."""
    part = {"joint": matrix, "luma": matrix[:64, :64], "chroma": matrix[64:, 64:], "luma AC": matrix[:64, :64]}[block]
    if block == "luma AC":
        part = ac_block(part)
    trace = float(np.trace(part))
    return part / trace if trace > 1e-9 * float(np.trace(matrix)) and trace > 0 else None


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    if not rows:
        return ["No picture has energy after the level shift, so there is no operator to converge."]
    total = max(row.n_images for row in rows)
    if total == 1:
        return ["One picture: there is nothing to resample, so nothing is said about convergence."]
    sentences = (
        [f"Only {total} pictures: the intervals describe these pictures, not photographs at large."]
        if total < 30
        else []
    )
    for block in dict.fromkeys(row.block for row in rows):
        few, many = _sizes(rows, block)[0], _sizes(rows, block)[-1]
        first, last = (_quantiles(rows, block, n, "trace_distance") for n in (few, many))
        overlap = _quantiles(rows, block, many, "subspace_cos2")
        angle = _quantiles(rows, block, many, "largest_angle_degrees")
        error = _quantiles(rows, block, many, "operator_error")
        infidelity = 1 - _quantiles(rows, block, many, "fidelity")[1]
        lost = _quantiles(rows, block, many, "energy_lost")
        slope = _slope(rows, block)
        law = f", as n to the power {slope:.2f}" if np.isfinite(slope) else ""
        sentences.append(
            f"{BLOCKS[block]} dimensions: the trace distance to the operator of all pictures goes from {first[1]:.3f} "
            f"at n = {few} to {last[1]:.3f} [{last[0]:.3f}, {last[2]:.3f}] at n = {many} (median, 5–95 % of "
            f"resamples){law}; there the relative operator error is {error[1]:.3f}, 1 − fidelity {infidelity:.1e}, and "
            f"the leading eigenspace overlaps by {overlap[1]:.3f} (largest angle {angle[1]:.1f}°) and misses "
            f"{100 * lost[1]:.2f} % of the energy."
        )
        if block == "joint":
            cross = [_quantiles(rows, block, n, "cross_error")[1] for n in (few, many)]
            sentences.append(
                "The cross block of luma and chroma has a relative Frobenius error of "
                f"{cross[0]:.2f} at n = {few} and {cross[1]:.2f} at n = {many}."
            )
    return [*sentences, *unseen.findings(_excess(rows))]


def table(rows: Sequence[Row]) -> Table:
    """Medians and intervals at each number of pictures."""
    body = []
    for block in dict.fromkeys(row.block for row in rows):
        for n in _sizes(rows, block):
            distance, entropy, error, fidelity, overlap, angle, excess = (
                _quantiles(rows, block, n, name) for name in _TABLED
            )
            cells = [f"{low:.3f} – {high:.3f}" for low, _, high in (distance, entropy)]
            shown = [distance[1], cells[0], entropy[1], cells[1]]
            body.append([BLOCKS[block], n, *shown, error[1], 1 - fidelity[1], overlap[1], angle[1], excess[1]])
    columns = ["block", "pictures", "trace distance", "5–95 %", "entropy, bit", "5–95 % ", "operator error"]
    columns += ["1 − fidelity", "eigenspace cos²", "largest angle, °", "excess, bit/pixel"]
    return Table(columns=columns, rows=body, caption="Medians over resamples of the pictures")


_TABLED = (
    "trace_distance",
    "entropy_bits",
    "operator_error",
    "fidelity",
    "subspace_cos2",
    "largest_angle_degrees",
    "excess_bits_per_pixel",
)


def plot(rows: Sequence[Row]) -> Figure:
    """Operator error, entropy, eigenspaces and the code length on unseen pictures against the number of pictures."""
    figure, axes = subplots(2, 3, figsize=(11, 6.6))
    panels = [
        ("trace_distance", "trace distance to all pictures"),
        ("operator_error", "relative operator error"),
        ("entropy_bits", "entropy of ρ, bit"),
        ("subspace_cos2", "overlap of leading eigenspace, cos²"),
        ("largest_angle_degrees", "largest angle of eigenspaces, °"),
    ]
    for ax, (name, label) in zip(axes.flat, panels, strict=False):
        curves = {}
        for block in dict.fromkeys(row.block for row in rows):
            sizes = _sizes(rows, block)
            low, middle, high = zip(*(_quantiles(rows, block, n, name) for n in sizes), strict=True)
            curves[BLOCKS[block]] = (sizes, middle, low, high)
        plot_curves(curves, x_label="pictures in the operator", y_label=label, ax=ax)
        plain_log_axis(ax, "x")
        if ax.get_legend():
            ax.get_legend().remove()
    if all(row.trace_distance > 0 for row in rows):
        for ax in axes[0, :2]:
            plain_log_axis(ax, "y")
    lines = {line.get_label(): line.get_color() for line in axes[0, 0].get_lines()}
    unseen.plot(_excess(rows), axes[1, 2], colour=lines.get(BLOCKS["luma AC"], "gray"))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _sizes(rows: Sequence[Row], block: str) -> list[int]:
    """Numbers of pictures at which a resample had energy in the block: gray pictures alone have no chroma."""
    return sorted({row.n_images for row in rows if row.block == block})


def _excess(rows: Sequence[Row]) -> dict[int, list[float]]:
    """Excess code lengths on unseen pictures at each number of pictures where there are any."""
    found: dict[int, list[float]] = {}
    for row in rows:
        if np.isfinite(row.excess_bits_per_pixel):
            found.setdefault(row.n_images, []).append(row.excess_bits_per_pixel)
    return dict(sorted(found.items()))


def _quantiles(rows: Sequence[Row], block: str, n: int, name: str) -> tuple[float, float, float]:
    return finite_quantiles(getattr(row, name) for row in rows if row.block == block and row.n_images == n)


def _slope(rows: Sequence[Row], block: str) -> float:
    """Exponent of a power law through the medians of the trace distance."""
    points = [(n, _quantiles(rows, block, n, "trace_distance")[1]) for n in _sizes(rows, block)]
    points = [(n, distance) for n, distance in points if distance > 0]
    if len(points) < 2:
        return float("nan")
    sizes, distances = zip(*points, strict=True)
    return float(np.polyfit(np.log(sizes), np.log(distances), 1)[0])
