"""How many pictures does the correlation operator need before its spectrum and eigenbasis settle?

Pictures, not patches, are resampled: n of them are drawn with replacement, their operators added, and the sum is
compared with the operator of all pictures. At n = N this is the bootstrap estimate of the error of the operator itself.
For the code length every draw splits the pictures into halves: n pictures of one half make the operator, and the other
half is coded with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from experiments._run import (
    LEAST_PICTURES,
    Array,
    Count,
    Figure,
    LibraryDependent,
    Panel,
    PictureParams,
    Seed,
    Table,
    Track,
    check,
    distinct,
    finite_quantiles,
    groups,
    in_brackets,
    interval_cell,
    legend_below,
    picture_interval,
    subplots,
    table_of,
    values,
    whole,
)
from experiments.operators import unseen
from qimg import metrics
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

SIZES = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 500, 1000)
"""Numbers of pictures that are resampled, up to that of all pictures."""

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
    largest_angle_degrees: LibraryDependent
    """Largest principal angle between the leading eigenspaces."""
    excess_bits_per_pixel: float
    """Code length on the unseen half of the pictures beyond that of their own operator, traces made equal. For
    "luma AC" and n up to half of the pictures; NaN elsewhere. Its n pictures are not those of the row's other
    measures: they are drawn without replacement from one half of the pictures."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per block, number of pictures and draw."""
    check(params)
    pictures = params.gather().pictures
    operators = [picture.operator() for picture in track(pictures)]
    moments = np.stack([operator.matrix for operator in operators])
    rng = np.random.default_rng(params.seed)
    total = len(pictures)
    sizes = [*(n for n in SIZES if n < total), total]
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
    """How far resamples are from all pictures, block by block, and the code length on unseen pictures."""
    if not rows:
        return ["No picture has energy after the level shift, so there is no operator to converge."]
    total = max(row.n_images for row in rows)
    if total == 1:
        return ["One picture cannot be resampled, so convergence is not measured."]
    sentences = [f"Only {total} pictures: what follows describes them, not photographs at large."] if total < 30 else []
    for block, own in groups(rows, "block").items():
        by_size = dict(sorted(groups(own, "n_images").items()))
        few, many = min(by_size), max(by_size)
        first, last = by_size[few], by_size[many]
        distance, interval = _median(last, "trace_distance"), _interval(last, "trace_distance", total)
        resamples = "median, 5–95 % of resamples" if total >= LEAST_PICTURES else "median of resamples"
        slope = _slope(by_size)
        law = f", as n to the power {slope:.2f}" if np.isfinite(slope) else ""
        sentences.append(
            f"{BLOCKS[block]} dimensions: the trace distance to the operator of all pictures goes from "
            f"{_median(first, 'trace_distance'):.3f} at n = {few} to {distance:.3f}{in_brackets(*interval, '.3f')} at "
            f"n = {many} ({resamples}){law}; there the relative operator error is "
            f"{_median(last, 'operator_error'):.3f}, 1 − fidelity {1 - _median(last, 'fidelity'):.1e}, and the leading "
            f"eigenspace overlaps by {_median(last, 'subspace_cos2'):.3f} (largest angle "
            f"{_median(last, 'largest_angle_degrees'):.1f}°) and misses {100 * _median(last, 'energy_lost'):.2f} % of "
            "the energy."
        )
        if block == "joint":
            sentences.append(
                "The cross block of luma and chroma has a relative Frobenius error of "
                f"{_median(first, 'cross_error'):.2f} at n = {few} and {_median(last, 'cross_error'):.2f} at n = "
                f"{many}."
            )
    return [*sentences, *unseen.findings(_excess(rows))]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    excess = _excess(rows)
    return {
        "sizes": _sizes(rows),
        "blocks": _blocks(rows),
        "unseen": unseen.table(excess, _pictures(rows)),
        "law": unseen.law_table(excess),
    }


def _sizes(rows: Sequence[Row]) -> Table:
    """Medians and intervals of each block at each number of pictures."""
    block_of = distinct(rows, "block").index
    ordered = sorted(rows, key=lambda row: (block_of(row.block), row.n_images))
    total = _pictures(rows)
    return table_of(
        ordered,
        {
            "block": lambda own: BLOCKS[own[0].block],
            "pictures": "n_images",
            "trace distance": partial(_median, name="trace_distance"),
            "5–95 %": lambda own: interval_cell(*_interval(own, "trace_distance", total), ".3f"),
            "entropy, bit": partial(_median, name="entropy_bits"),
            "overlap of eigenspaces, cos²": partial(_median, name="subspace_cos2"),
            "energy missed, %": lambda own: 100 * _median(own, "energy_lost"),
            "error of the cross block": partial(_median, name="cross_error"),
        },
        by=("block", "n_images"),
        formats={
            "trace distance": ".3f",
            "entropy, bit": ".3f",
            "overlap of eigenspaces, cos²": ".3f",
            "energy missed, %": ".2f",
            "error of the cross block": ".2f",
        },
        caption="Medians over resamples of the pictures",
    )


def _blocks(rows: Sequence[Row]) -> Table:
    """Every block of the operator at as many pictures as there are."""
    total = _pictures(rows)
    headings = {
        "trace distance": "trace_distance",
        "relative operator error": "operator_error",
        "overlap of eigenspaces, cos²": "subspace_cos2",
        "largest angle, °": "largest_angle_degrees",
    }
    body = []
    for block, own in groups(rows, "block").items():
        by_size = dict(sorted(groups(own, "n_images").items()))
        last = by_size[max(by_size)]
        distance, *others = (_median(last, name) for name in headings.values())
        first = _median(by_size[min(by_size)], "trace_distance")
        interval = interval_cell(*_interval(last, "trace_distance", total), ".3f")
        fidelity = 1 - _median(last, "fidelity")
        body.append([BLOCKS[block], first, distance, interval, _slope(by_size), *others, fidelity])
    first_heading, *other_headings = headings
    return Table(
        columns=["block", "one picture", first_heading, "5–95 %", "exponent", *other_headings, "1 − fidelity"],
        rows=body,
        caption=f"Medians over resamples of {total} pictures; the exponent is that of the trace distance",
        formats={
            "one picture": ".3f",
            "trace distance": ".3f",
            "exponent": ".2f",
            "relative operator error": ".3f",
            "overlap of eigenspaces, cos²": ".3f",
            "largest angle, °": ".1f",
            "1 − fidelity": ".4f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Distance to the operator of all pictures, entropy, eigenspaces, and excess on unseen pictures."""
    figure, axes = subplots(2, 3, figsize=(7, 4.6))
    panels = {
        "trace_distance": "trace distance",
        "operator_error": "relative operator error",
        "entropy_bits": "entropy of ρ, bit",
        "subspace_cos2": "overlap of eigenspaces",
        "largest_angle_degrees": "largest angle, °",
    }
    apart = all(row.trace_distance > 0 for row in rows)
    for ax, (name, label) in zip(axes.flat, panels.items(), strict=False):
        bands = {}
        for block, own in groups(rows, "block").items():
            by_size = dict(sorted(groups(own, "n_images").items()))
            low, high = zip(*(_interval(at, name, _pictures(rows)) for at in by_size.values()), strict=True)
            bands[BLOCKS[block]] = (list(by_size), [_median(at, name) for at in by_size.values()], low, high)
        log = "xy" if apart and name in ("trace_distance", "operator_error") else "x"
        Panel(curves=bands, x="pictures in the operator", y=label, log=log, legend=False).draw(ax)
    lines = {line.get_label(): line.get_color() for line in axes[0, 0].get_lines()}
    unseen.plot(_excess(rows), axes[1, 2], colour=lines.get(BLOCKS["luma AC"], "gray"), pictures=_pictures(rows))
    legend_below(figure)
    return figure


def _excess(rows: Sequence[Row]) -> dict[int, list[float]]:
    """Excess code lengths on unseen pictures at each number of pictures where there are any."""
    measured = [row for row in rows if np.isfinite(row.excess_bits_per_pixel)]
    return {n: values(own, "excess_bits_per_pixel") for n, own in sorted(groups(measured, "n_images").items())}


def _pictures(rows: Sequence[Row]) -> int:
    """Pictures that are resampled."""
    return max((row.n_images for row in rows), default=0)


def _median(rows: Sequence[Row], name: str) -> float:
    return finite_quantiles(values(rows, name))[1]


def _interval(rows: Sequence[Row], name: str, pictures: int) -> tuple[float, float]:
    return picture_interval(values(rows, name), pictures)


def _slope(by_size: Mapping[int, Sequence[Row]]) -> float:
    """Exponent of a power law through the medians of the trace distance."""
    medians = {n: _median(own, "trace_distance") for n, own in by_size.items()}
    points = {n: distance for n, distance in medians.items() if distance > 0}
    if len(points) < 2:
        return float("nan")
    return float(np.polyfit(np.log(list(points)), np.log(list(points.values())), 1)[0])
