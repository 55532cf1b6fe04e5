"""Which way leads to the leading eigenvectors of patches in the least time, and with the fewest entries read?

Every way gets the same vectors, level-shifted and in single precision, on one thread. Its basis is judged by the energy
that it discards, measured on all vectors: the excess over the best basis of the rank, that of `eigh`. Vectors of other
pictures show what the basis is worth there. Sampling is given its draws for nothing: only the entries of what it draws
count as read, not those that its probabilities need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Annotated

import numpy as np

from experiments._run import (
    Array,
    Count,
    Figure,
    FittingParams,
    Gathered,
    LibraryDependent,
    Seconds,
    Seed,
    Table,
    Track,
    among,
    check,
    distinct,
    each,
    fulfils,
    groups,
    groups_by,
    levels,
    mean,
    select,
    subplots,
    table_of,
    timed,
    whole,
)
from experiments.operators.low_rank_vectors import (
    COLLECTIONS,
    MNIST,
    PATCHES,
    SYNTHETIC,
    pictures_of,
    psnr_db,
    vectors_of,
)
from experiments.operators.low_rank_ways import Found, import_peers, ways
from experiments.tensor_trains.binary_pictures import mnist_inputs
from qimg.report.plots import curve_styles


@dataclass(frozen=True, kw_only=True)
class Params(FittingParams):
    """Inputs of the experiment. `images` are the pictures held out from the fit where `sources` are named."""

    collections: Annotated[tuple[str, ...], each(among(COLLECTIONS))] = (*PATCHES, SYNTHETIC)
    """Y'CbCr patches of 192 and 3072 dimensions; digits of MNIST, 784, from the set mnist in QIMG_DATA; vectors of rank
    4 with equal eigenvalues and a little noise, in 2048 dimensions."""
    vectors: Annotated[int, whole(100)] = 5000
    """Vectors of each collection."""
    unseen: Count = 1000
    """Vectors of the held-out pictures."""
    ranks: Annotated[tuple[int, ...], each(whole(1, 128))] = (4, 16, 64)
    """Ranks k at which a basis is judged; it is found for the largest."""
    shares: Annotated[tuple[float, ...], each(fulfils(lambda share: 0 < share <= 1, "must be in (0, 1]"))] = (
        0.01,
        0.03,
        0.1,
        0.3,
    )
    """Shares of the vectors that sampling draws."""
    start: Count = 1024
    """Vectors of the start of the range finder."""
    draws: Count = 3
    """Seeds with which ways that draw are repeated."""
    seed: Seed = 0
    """Seed of the positions of patches, and first seed of the ways."""

    def inputs(self) -> Gathered:
        """The pictures, and the files of digits."""
        digits_files = Gathered(pictures=mnist_inputs(), skipped=()) if MNIST in self.collections else None
        return super().inputs() + digits_files if digits_files else super().inputs()


TINY = Params(
    box_mean=8, collections=("patches 8×8",), vectors=300, unseen=50, ranks=(2, 8), shares=(0.1, 0.3), draws=2
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One basis at one rank."""

    collection: str
    dimension: int
    vectors: int
    method: str
    setting: str
    seed: int
    rank: int
    way_seconds: Seconds
    """Time for the basis of the largest rank, from the vectors in memory."""
    entries_read: int
    """Entries of the vectors, as often as they were read; of sampling, only those of what it draws."""
    condition: LibraryDependent
    """λ₁ / λ_k."""
    best_weight: LibraryDependent
    """Weight that the best basis of this rank discards."""
    discarded_weight: LibraryDependent
    excess: LibraryDependent
    """Discarded weight beyond the best one, as a share of the best one."""
    estimate_error: LibraryDependent
    """Of the way's own account of its discarded weight at the largest rank, relative; NaN where it gives none."""
    loss_bound: LibraryDependent
    """Most of the energy, as a share of all, that the way falls short of the best basis by its theorem; NaN without."""
    psnr_db: LibraryDependent
    """PSNR of the vectors projected on the basis, all components together."""
    unseen_weight: LibraryDependent
    """Weight that the basis discards on vectors of held-out pictures; NaN for the synthetic vectors."""
    unseen_psnr_db: LibraryDependent
    """PSNR of those vectors; NaN for the synthetic ones."""

    @property
    def share_read(self) -> float:
        """Entries read as a multiple of all entries."""
        return self.entries_read / (self.vectors * self.dimension)

    @property
    def loss(self) -> float:
        """Energy short of the best basis, as a share of all."""
        return self.discarded_weight - self.best_weight


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per collection, way, seed and rank; no rows of a collection without energy."""
    check(params)
    import_peers()
    fit, held_out = pictures_of(params)
    found = [(name, *vectors_of(name, params, fit, held_out)) for name in params.collections]
    usable = [(name, vectors, unseen) for name, vectors, unseen in found if np.any(vectors)]
    tasks = [
        (name, way, seed)
        for name, _, _ in usable
        for way, (_, repeated) in ways(params.shares, params.start).items()
        for seed in range(params.seed, params.seed + (params.draws if repeated else 1))
    ]
    steps = iter(track(tasks))
    return [row for collection in usable for row in _rows(*collection, params, steps)]


def _rows(name: str, vectors: Array, unseen: Array, params: Params, steps: object) -> list[Row]:
    """The rows of one collection; the first way is `eigh`, the best."""
    largest = min(max(params.ranks), vectors.shape[1] - 1, len(vectors) - 1)
    ranks = [rank for rank in sorted(set(params.ranks)) if rank <= largest] or [largest]
    start = min(params.start, len(vectors))
    rows: list[Row] = []
    best: Array | None = None
    energies: Array = np.empty(0)
    for (method, setting), (way, repeated) in ways(params.shares, start).items():
        for seed in range(params.seed, params.seed + (params.draws if repeated else 1)):
            next(steps, None)  # type: ignore[call-overload]
            found, seconds = timed(way, vectors, ranks[-1], seed)
            weights = _left(found.basis, vectors)
            if best is None:
                best, energies = weights, -np.diff(weights, prepend=1.0)
            beyond = _left(found.basis, unseen) if len(unseen) else np.full(len(weights), nan)
            rows += [
                Row(
                    collection=name,
                    dimension=vectors.shape[1],
                    vectors=len(vectors),
                    method=method,
                    setting=setting,
                    seed=seed,
                    rank=rank,
                    way_seconds=seconds,
                    entries_read=found.entries,
                    condition=float(energies[0] / max(energies[rank - 1], 1e-12)),
                    best_weight=float(best[rank - 1]),
                    discarded_weight=float(weights[rank - 1]),
                    excess=float(weights[rank - 1] / max(best[rank - 1], 1e-9) - 1),
                    estimate_error=_estimate_error(found, weights) if rank == ranks[-1] else nan,
                    loss_bound=found.bound(rank),
                    psnr_db=psnr_db(vectors, weights[rank - 1]),
                    unseen_weight=float(beyond[rank - 1]),
                    unseen_psnr_db=psnr_db(unseen, beyond[rank - 1]),
                )
                for rank in ranks
                if rank <= len(weights)
            ]
    return rows


def _estimate_error(found: Found, weights: Array) -> float:
    return found.estimate / max(float(weights[-1]), 1e-9) - 1


def _left(basis: Array, vectors: Array) -> Array:
    """(k,) share of the energy outside of the span of the first 1, 2, …, k rows of a basis."""
    coefficients = (vectors @ basis.T.astype(vectors.dtype)).astype(np.float64)
    energy = float((vectors.astype(np.float64) ** 2).sum())
    return np.asarray(1 - np.cumsum((coefficients**2).sum(axis=0)) / max(energy, 1e-300))


WITHIN = 0.01
"""Excess over the best weight that is close enough."""
SAMPLING = ("length-squared sampling", "uniform sampling", "subsample and SVD", "sampled rows and entries")


def findings(rows: Sequence[Row]) -> list[str]:
    """For each collection and the smallest and the largest rank, the fastest way within 1 % of the best."""
    if not rows:
        return ["No picture is large enough for a patch and has energy after the level shift."]
    sentences = []
    for name, own in groups(rows, "collection").items():
        for rank in sorted({min(levels(own, "rank")), max(levels(own, "rank"))}):
            close = _close(select(own, rank=rank))
            fastest = min(close, key=lambda way: mean(close[way], "way_seconds"))
            fewest = min(close, key=lambda way: mean(close[way], "entries_read"))
            sentences.append(
                f"{name}, rank {rank}: of the ways within 1 % of the best, {_named(fastest)} is the fastest, and "
                f"{_named(fewest)} reads the fewest entries."
            )
    return sentences


def _close(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    """The ways whose mean excess is small enough; `eigh` is one of them."""
    return {way: part for way, part in _by_way(rows).items() if mean(part, "excess") <= WITHIN}


def _named(way: tuple[str, str]) -> str:
    method, setting = way
    return f"{method} ({setting})" if setting else method


def _by_way(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    return groups(rows, "method", "setting")


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name: one for each collection, and the bounds."""
    named = {_key(name): _ways_of(own) for name, own in groups(rows, "collection").items()}
    return {**named, "within": _within(rows), "bounds": _bounds(rows), "psnr": _psnr(rows)}


def _key(name: str) -> str:
    return {"patches 8×8": "patches_8", "patches 32×32": "patches_32", MNIST: "mnist", SYNTHETIC: "flat"}[name]


def _ways_of(rows: Sequence[Row]) -> Table:
    ranks = levels(rows, "rank")

    def at(rank: int, measure: str, scale: float = 1.0) -> object:
        return lambda line: scale * mean(select(line, rank=rank), measure)

    excesses = {f"excess at rank {rank}, %": at(rank, "excess", 100) for rank in ranks}
    first = rows[0]
    return table_of(
        rows,
        {
            "method": "method",
            "setting": "setting",
            "time, s": "way_seconds",
            "entries read / all": lambda line: mean(line, lambda row: row.share_read),
            **excesses,
            "own estimate off by, %": at(ranks[-1], "estimate_error", 100),
            "held-out weight": at(ranks[-1], "unseen_weight"),
        },
        by=("method", "setting"),
        caption=f"{first.vectors} vectors of {first.dimension} dimensions; the best bases discard "
        + ", ".join(f"{mean(rows, 'best_weight', rank=rank):.4f} at rank {rank}" for rank in ranks)
        + "; condition λ₁/λ_k "
        + ", ".join(f"{mean(rows, 'condition', rank=rank):.0f}" for rank in ranks),
        formats={
            "time, s": ".2f",
            "entries read / all": ".4g",
            **dict.fromkeys(excesses, ".2f"),
            "own estimate off by, %": "+.1f",
            "held-out weight": ".4f",
        },
    )


def _within(rows: Sequence[Row]) -> Table:
    """What it takes to come within 1 % of the best weight, by rank and condition."""

    def share_of(method: str) -> object:
        def cell(line: list[Row]) -> object:
            shares = [mean(part, lambda row: row.share_read) for way, part in _close(line).items() if way[0] == method]
            return min(shares) if shares else "none"

        return cell

    def fastest(line: list[Row]) -> tuple[str, str]:
        close = _close(line)
        return min(close, key=lambda way: mean(close[way], "way_seconds"))

    columns = {
        "vectors": "collection",
        "dimension": "dimension",
        "rank": "rank",
        "λ₁/λ_k": "condition",
        "fastest way": lambda line: _named(fastest(line)),
        "its time, s": lambda line: mean(_by_way(line)[fastest(line)], "way_seconds"),
        **{f"{method}, entries read": share_of(method) for method in SAMPLING},
    }
    return table_of(
        rows,
        columns,
        by=("collection", "dimension", "rank"),
        caption="Ways within 1 % of the best weight; entries read as a share of all, for the smallest such sample",
        formats={"λ₁/λ_k": ".0f", "its time, s": ".3f"},
    )


def _bounds(rows: Sequence[Row]) -> Table:
    """Bounds of the energy that sketches and samples lose, beside what they lose."""
    largest = max((row.entries_read / row.dimension for row in rows if row.method == SAMPLING[0]), default=0)
    bounded = [
        row
        for row in rows
        if not isnan(row.loss_bound)
        and (row.method != SAMPLING[0] or row.entries_read / row.dimension == largest)
        and row.rank in (min(levels(rows, "rank")), max(levels(rows, "rank")))
    ]
    return table_of(
        bounded,
        {
            "vectors": "collection",
            "method": "method",
            "setting": "setting",
            "rank": "rank",
            "energy lost, share of all": lambda line: mean(line, lambda row: row.loss),
            "bound": "loss_bound",
            "best weight": "best_weight",
            "bound below the best weight": lambda line: "yes" if line[0].loss_bound < line[0].best_weight else "no",
            "draws for such a bound": lambda line: _draws_needed(line[0]),
        },
        by=("collection", "method", "setting", "rank"),
        formats={"energy lost, share of all": ".2e", "bound": ".3g", "best weight": ".4f"},
    )


def _psnr(rows: Sequence[Row]) -> Table:
    """What the best basis keeps at each rank."""
    names = {"PSNR, dB": "psnr_db", "PSNR of held-out vectors, dB": "unseen_psnr_db"}
    return table_of(
        [row for row in select(rows, method="full eigh") if row.collection != SYNTHETIC],
        {
            "vectors": "collection",
            "dimension": "dimension",
            "rank": "rank",
            "discarded weight": "discarded_weight",
            "held-out weight": "unseen_weight",
            **names,
        },
        caption="The eigenvectors of the whole matrix",
        formats={"discarded weight": ".4f", "held-out weight": ".4f", **dict.fromkeys(names, ".2f")},
    )


def _draws_needed(row: Row) -> object:
    """Draws s with 2 √(k/s) equal to the best weight."""
    if row.method != "length-squared sampling":
        return ""
    return round(4 * row.rank / max(row.best_weight, 1e-9) ** 2)


def plot(rows: Sequence[Row]) -> Figure:
    """Excess at the largest rank against time and against entries read, and at the smallest against entries read."""
    names = distinct(rows, "collection")
    ranks = min(levels(rows, "rank")), max(levels(rows, "rank"))
    lines = [("way_seconds", "time, s", ranks[1])]
    lines += [("share_read", "entries read / all entries", rank) for rank in sorted(set(ranks), reverse=True)]
    size = (3.0 * max(len(names), 2), 3.4 * len(lines))
    figure, axes = subplots(len(lines), len(names), figsize=size, squeeze=False, sharey="row")
    for column, name in enumerate(names):
        for line, (measure, label, rank) in enumerate(lines):
            ax = axes[line][column]
            own = select(rows, collection=name, rank=rank)
            for (method, part), style in zip(groups_by(own, _curve).items(), curve_styles(), strict=False):
                points = [
                    (mean(setting, measure), max(mean(setting, "excess"), 1e-5))
                    for setting in groups(part, "setting").values()
                ]
                ax.plot(*zip(*sorted(points), strict=True), label=method, **{**style, "linestyle": "-"})
            ax.set_xscale("log")
            ax.set_yscale("log")
            ax.set_xlabel(label)
            ax.set_ylabel("excess" if column == 0 else "")
            ax.set_title(f"{name}, k = {rank}", fontsize="small")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _curve(row: Row) -> str:
    return "range finder, started by a sample" if row.setting.startswith("start") else row.method
