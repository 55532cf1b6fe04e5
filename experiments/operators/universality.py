"""Is the operator of one set of pictures that of another, and of another scale?

Every source is a set. Luma, 8×8 DCT without DC (63×63), at every scale (box means) and after JPEG. Each pair is
compared by fidelity, trace distance, and the bits per pixel that a Gaussian code built for A spends on B beyond one
built for B, with A's own contrast or with the traces made equal. Intervals resample the pictures of B (and of A with
them where both are one set); two random halves of one set show what the same means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from experiments._run import (
    Count,
    Counts,
    Figure,
    Gathered,
    PictureParams,
    Seed,
    Table,
    Track,
    bundled,
    check,
    each,
    finite_quantiles,
    gather,
    subplots,
    whole,
)
from experiments._run.heat_maps import plot_matrix
from experiments.operators.code_length import excess_bits_per_pixel, has_energy
from experiments.operators.picture_sets import Kind, Moments, moments_of_sets
from qimg import metrics
from qimg.core.arguments import Array
from qimg.operators import von_neumann_entropy


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    images: tuple[str, ...] = ()
    """Each source is a set: a folder, a set in QIMG_DATA, or a single file. Left out, each of scikit-image's
    photographs is a set of its own."""
    box_mean: int = 1
    """Averaging before everything else, which `scales` multiply; 0 reduces pictures above 1.5 million pixels alone."""
    scales: Counts = (1, 2, 4)
    """Boxes that the pictures are averaged over: 1 is full size, 2 half, 4 a quarter."""
    qualities: Annotated[tuple[int, ...], each(whole(1, 100), empty=True)] = (50,)
    """libjpeg qualities at which every set is also looked at after JPEG, at full size."""
    draws: Count = 40
    """Resamples of the pictures for intervals, and splits into halves."""
    seed: Seed = 0
    """Seed of both."""

    def sets(self) -> dict[str, Gathered]:
        """The pictures of every set, by its name."""
        if not self.images:
            alone = bundled(box_mean=self.box_mean or 1)
            return {picture.name: Gathered(pictures=[picture], skipped=()) for picture in alone}
        short = [Path(source).name for source in self.images]
        names = {source: source if short.count(Path(source).name) > 1 else Path(source).name for source in self.images}
        return {name or source: gather((source,), box_mean=self.box_mean) for source, name in names.items()}

    def inputs(self) -> Gathered:
        """The pictures of all sets; one that two sets share is among those of both."""
        sets = list(self.sets().values())
        return Gathered(
            pictures=[picture for one in sets for picture in one.pictures],
            skipped=[entry for one in sets for entry in one.skipped],
        )


TINY = Params(box_mean=4, scales=(1, 2), draws=3)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Pictures of B coded by the operator of A: two sets, or two halves of one set."""

    compared: str
    """"sets", or "halves": medians and 5–95 % over random splits of one set into two halves."""
    set_a: str
    scale_a: int
    quality_a: int
    """0 where the pictures were not JPEG encoded here."""
    pictures_a: int
    set_b: str
    scale_b: int
    quality_b: int
    pictures_b: int
    shared_pictures: int
    """Pictures that are in both sets; all of them where a set is compared with itself at another scale."""
    fidelity: float
    fidelity_low: float
    """5 % of the resamples of B's pictures."""
    fidelity_high: float
    """95 % of them."""
    trace_distance: float
    excess_raw_bits_per_pixel: float
    """Excess code length with A's own contrast."""
    excess_bits_per_pixel: float
    """Excess code length with A's operator scaled to the trace of B's."""
    excess_low: float
    excess_high: float
    entropy_a_bits: float
    entropy_b_bits: float


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per ordered pair of sets and kinds, and one per set and kind that can be halved."""
    check(params)
    kinds = [Kind(scale=scale) for scale in sorted(set(params.scales))]
    kinds += [Kind(scale=1, quality=quality) for quality in sorted(set(params.qualities), reverse=True)]
    compared = moments_of_sets(params.sets(), kinds, track=track)
    rows = []
    for number, b in enumerate(track(compared)):
        rng = np.random.default_rng([params.seed, number])
        resamples = b.resamples(params.draws, rng)
        for a in compared:
            if a is not b:
                rows.append(_pair(a, b, resamples))
            elif len(b.counts) > 1:
                rows.extend(_halves(b, b.halves(params.draws, rng)))
    return rows


def _pair(a: Moments, b: Moments, resamples: Array) -> Row:
    values = _compare(a.all(), b.all())
    if len(b.counts) == 1:
        return _row("sets", a, b, values, None)
    # At another scale the pictures are the same: drawn together, or the draws would add a difference of their own.
    model = a.mean(resamples) if a.hashes == b.hashes else np.broadcast_to(a.all(), (len(resamples), *a.sums.shape[1:]))
    return _row("sets", a, b, values, _compare(*_with_energy(model, b.mean(resamples))))


def _halves(one: Moments, halves: Array) -> list[Row]:
    """Medians over the splits; nothing where no split left energy in both halves."""
    model, truth = _with_energy(one.mean(halves), one.mean(1 - halves))
    if len(model) == 0:
        return []
    draws = _compare(model, truth)
    return [_row("halves", one, one, {name: np.median(values) for name, values in draws.items()}, draws)]


def _with_energy(model: Array, truth: Array) -> tuple[Array, Array]:
    """Those of the draws in which both have a shape."""
    usable = has_energy(model) & has_energy(truth)
    return model[usable], truth[usable]


def _compare(model: Array, truth: Array) -> dict[str, Array]:
    """Every measure between second moments per patch (..., 63, 63)."""
    rho, sigma = _density(model), _density(truth)
    return {
        "fidelity": metrics.fidelity(rho, sigma),
        "trace_distance": metrics.trace_distance(rho, sigma),
        "raw": excess_bits_per_pixel(model, truth, trace_normalised=False),
        "excess": excess_bits_per_pixel(model, truth, trace_normalised=True),
    }


def _row(compared: str, a: Moments, b: Moments, values: dict[str, Array], draws: dict[str, Array] | None) -> Row:
    """A row with 5–95 % of the draws as intervals; NaN where there are no draws."""

    def interval(name: str) -> tuple[float, float]:
        low, _, high = finite_quantiles([] if draws is None else draws[name])
        return low, high

    (fidelity_low, fidelity_high), (excess_low, excess_high) = interval("fidelity"), interval("excess")
    return Row(
        compared=compared,
        set_a=a.name,
        scale_a=a.kind.scale,
        quality_a=a.kind.quality,
        pictures_a=len(a.counts),
        set_b=b.name,
        scale_b=b.kind.scale,
        quality_b=b.kind.quality,
        pictures_b=len(b.counts),
        shared_pictures=len(set(a.hashes) & set(b.hashes)),
        fidelity=float(values["fidelity"]),
        fidelity_low=fidelity_low,
        fidelity_high=fidelity_high,
        trace_distance=float(values["trace_distance"]),
        excess_raw_bits_per_pixel=float(values["raw"]),
        excess_bits_per_pixel=float(values["excess"]),
        excess_low=excess_low,
        excess_high=excess_high,
        entropy_a_bits=float(von_neumann_entropy(_density(a.all()))),
        entropy_b_bits=float(von_neumann_entropy(_density(b.all()))),
    )


def _density(moments: Array) -> Array:
    return np.asarray(moments / np.trace(moments, axis1=-2, axis2=-1)[..., None, None])


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    compared = [row for row in rows if row.compared == "sets"]
    if not compared:
        return ["There is nothing to compare: it takes two sets, or two scales, of pictures with energy without DC."]
    sizes = {row.set_b: row.pictures_b for row in rows}
    halves = [row for row in rows if row.compared == "halves"]
    named = ", ".join(f"{name} ({count})" for name, count in sizes.items())
    sentences = [f"{len(sizes)} set(s), with their numbers of pictures: {named}."]
    if halves:
        sentences.append(f"Two random halves of one set, which say what the same means: {_measured(halves)}.")
    if min(sizes.values()) < 2:
        sentences.append("A single picture has no halves and no interval: it is compared as it is, not as a kind.")
    shared = {(row.set_a, row.set_b) for row in compared if row.set_a < row.set_b and row.shared_pictures}
    if shared:
        listed = ", ".join(f"{a} and {b}" for a, b in sorted(shared))
        sentences.append(f"Some pictures are in two sets, which makes these look more alike: {listed}.")
    return [*sentences, *_by_kind(compared, halves), *_scale_by_set(compared), *_furthest(compared)]


def _by_kind(compared: Sequence[Row], halves: Sequence[Row]) -> list[str]:
    """Sets against sets, scales against scales, JPEG against what it was made of; and which matters more."""
    plain = [row for row in compared if not row.quality_a + row.quality_b]
    same_size = [row for row in compared if _same_set(row) and row.scale_a == row.scale_b == 1]
    kinds = {
        "Between sets at equal scale": [row for row in plain if _same_kind(row)],
        "Between scales of one set": [row for row in plain if _same_set(row)],
        "A set after JPEG, coded by what it was before": [row for row in same_size if not row.quality_a],
        "A set coded by what it is after JPEG": [row for row in same_size if not row.quality_b],
    }
    sentences = []
    for title, chosen in kinds.items():
        if chosen:
            raw = np.median([row.excess_raw_bits_per_pixel for row in chosen])
            sentences.append(
                f"{title}: {_measured(chosen)}; with A's own contrast the median excess is {raw:.3f}."
                f"{_told_apart(chosen, halves)}"
            )
    medians = [np.median([row.excess_bits_per_pixel for row in chosen] or [0]) for chosen in kinds.values()]
    sets, scales = medians[:2]
    if sets > 0 and scales > 0:
        more, less, ratio = ("scale", "set", scales / sets) if scales > sets else ("set", "scale", sets / scales)
        sentences.append(f"The {more} matters more than the {less}: {ratio:.1f} times the median excess.")
    return sentences


def _scale_by_set(compared: Sequence[Row]) -> list[str]:
    """Which sets are like themselves at another scale, and which are not."""
    largest: dict[str, float] = {}
    for row in compared:
        if _same_set(row) and not row.quality_a + row.quality_b:
            largest[row.set_b] = max(largest.get(row.set_b, 0.0), row.excess_bits_per_pixel)
    listed = ", ".join(f"{name} {value:.3f}" for name, value in sorted(largest.items(), key=lambda one: -one[1]))
    return [f"Largest excess between two scales of each set, bit/pixel: {listed}."] if largest else []


def _furthest(compared: Sequence[Row]) -> list[str]:
    """The pairs where the operator of A serves B worst, without and with JPEG."""
    sentences = []
    for title, encoded in (("", False), (", after JPEG", True)):
        chosen = [row for row in compared if bool(row.quality_a + row.quality_b) is encoded]
        told = "; ".join(
            f"{_label_b(row)} coded by {_label_a(row)} {row.excess_bits_per_pixel:.3f} bit/pixel (F {row.fidelity:.3f})"
            for row in sorted(chosen, key=lambda row: -row.excess_bits_per_pixel)[:3]
        )
        if told:
            sentences.append(f"Furthest apart{title}: {told}.")
    return sentences


def _same_kind(row: Row) -> bool:
    return row.set_a != row.set_b and _kind_a(row) == _kind_b(row)


def _same_set(row: Row) -> bool:
    return row.set_a == row.set_b


def _measured(rows: Sequence[Row]) -> str:
    low, middle, high = np.quantile([row.excess_bits_per_pixel for row in rows], [0, 0.5, 1])
    worst, fidelity, best = np.quantile([row.fidelity for row in rows], [0, 0.5, 1])
    return (
        f"excess {middle:.3f} bit/pixel [{low:.3f} to {high:.3f}], fidelity {fidelity:.3f} [{worst:.3f} to {best:.3f}] "
        f"(median and range of {len(rows)}, traces made equal)"
    )


def _told_apart(rows: Sequence[Row], halves: Sequence[Row]) -> str:
    """How many pairs are no further apart than halves of one of their sets are."""
    usual = {_label_b(row): row.excess_high for row in halves}
    known = [row for row in rows if _label_a(row) in usual and _label_b(row) in usual]
    if not known:
        return ""
    within = [row for row in known if row.excess_bits_per_pixel <= max(usual[_label_a(row)], usual[_label_b(row)])]
    return (
        f" In {len(within)} of {len(known)} pairs the excess is no more than 95 % of the splits of one of the two sets "
        "into halves give."
    )


def _kind_a(row: Row) -> Kind:
    return Kind(scale=row.scale_a, quality=row.quality_a)


def _kind_b(row: Row) -> Kind:
    return Kind(scale=row.scale_b, quality=row.quality_b)


def _label(name: str, kind: Kind) -> str:
    return name if kind == Kind(scale=1) else f"{name} {kind.label}"


def _label_a(row: Row) -> str:
    return _label(row.set_a, _kind_a(row))


def _label_b(row: Row) -> str:
    return _label(row.set_b, _kind_b(row))


def table(rows: Sequence[Row]) -> Table:
    """Medians and ranges of the pairs by kind; every pair is in `rows.csv` and in the figure."""
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.compared, row.set_a == row.set_b)):
        if row.compared == "halves":
            kind = f"halves of one set, {_kind_b(row).label}"
        else:
            who = "the same set" if _same_set(row) else "another set"
            kind = f"{who}, {_kind_a(row).label} codes {_kind_b(row).label}"
        groups.setdefault(kind, []).append(row)
    body = []
    for kind, chosen in groups.items():
        fidelity, distance, excess, raw = (
            np.quantile([getattr(row, name) for row in chosen], [0, 0.5, 1])
            for name in ("fidelity", "trace_distance", "excess_bits_per_pixel", "excess_raw_bits_per_pixel")
        )
        cells = [f"{low:.3f} – {high:.3f}" for low, _, high in (fidelity, excess)]
        body.append([kind, len(chosen), fidelity[1], cells[0], distance[1], excess[1], cells[1], raw[1]])
    columns = ["operator of A codes B", "pairs", "fidelity", "range", "trace distance", "excess, bit/pixel", "range "]
    columns += ["excess with A's contrast"]
    return Table(columns=columns, rows=body, caption="Medians over pairs; luma without DC, traces made equal")


def plot(rows: Sequence[Row]) -> Figure:
    """Fidelity and excess code length of every pair; on the diagonal those of two halves of one set."""
    kinds = {_label_b(row): _kind_b(row) for row in rows}
    labels = list(kinds)
    names = [row.set_b for row in {_label_b(row): row for row in rows}.values()]
    groups = [kind.label for kind in kinds.values()]
    fidelity, excess = (np.full((len(labels), len(labels)), np.nan) for _ in range(2))
    for row in rows:
        cell = labels.index(_label_a(row)), labels.index(_label_b(row))
        fidelity[cell], excess[cell] = row.fidelity, row.excess_bits_per_pixel
    side = min(max(4.2, 0.5 * len(labels)), 7.0)
    figure, axes = subplots(1, 2, figsize=(2 * side, side))
    plot_matrix(fidelity, names, groups=groups, unit="F", logarithmic=False, palette="viridis", ax=axes[0])
    plot_matrix(excess, names, groups=groups, unit="bit/pixel", logarithmic=True, palette="viridis_r", ax=axes[1])
    axes[0].set_title("fidelity of the density matrices", pad=20)
    axes[1].set_title("excess code length, traces made equal", pad=20)
    for ax in axes:
        ax.set(xlabel="pictures of B (diagonal: halves of one set)", ylabel="operator of A, in the same order")
    return figure
