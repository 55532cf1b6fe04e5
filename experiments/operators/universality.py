"""Do different sets of pictures, and different scales of one set, have the same correlation operator?

Every source is a set. Luma, 8×8 DCT without DC (63×63), at every scale (box means) and after JPEG. Each pair is
compared by fidelity, trace distance, and the bits per pixel that a Gaussian code built for A spends on B beyond one
built for B, with A's own contrast or with the traces made equal. Intervals resample the pictures of B (and of A with
them where both are one set); two random halves of one set are the reference for equal operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from experiments._run import (
    LEAST_PICTURES,
    Array,
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
    distinct,
    each,
    finite_quantiles,
    groups,
    groups_by,
    interval_cell,
    median,
    select,
    subplots,
    values,
    whole,
)
from experiments._run.heat_maps import plot_matrix
from experiments.operators.code_length import excess_bits_per_pixel, has_energy
from experiments.operators.picture_sets import Kind, Moments, moments_of_sets
from qimg import metrics
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
    """libjpeg qualities at which every set is also compared after JPEG, at full size."""
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
        return {name or source: self.gather_from((source,)) for source, name in names.items()}

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

    @property
    def kind_a(self) -> Kind:
        """Scale and JPEG quality of A."""
        return Kind(scale=self.scale_a, quality=self.quality_a)

    @property
    def kind_b(self) -> Kind:
        """Scale and JPEG quality of B."""
        return Kind(scale=self.scale_b, quality=self.quality_b)

    @property
    def labels(self) -> tuple[str, str]:
        """Names of A and B, with what was done with their pictures."""
        return self.kind_a.named(self.set_a), self.kind_b.named(self.set_b)

    @property
    def labels_of_kinds(self) -> str:
        """Scale or quality of A and of B with an arrow between them."""
        names = (
            kind.label if self.kind_a.scale != self.kind_b.scale or kind.quality else "original"
            for kind in (self.kind_a, self.kind_b)
        )
        return " → ".join(names)

    @property
    def same_set(self) -> bool:
        """Whether A and B are one set."""
        return self.set_a == self.set_b

    @property
    def encoded(self) -> bool:
        """Whether a picture of either was JPEG encoded here."""
        return self.quality_a + self.quality_b > 0


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
    found = _compare(a.all(), b.all())
    if len(b.counts) == 1:
        return _row("sets", a, b, found, {})
    # At another scale the pictures are the same: drawn together, or the draws would add a difference of their own.
    model = a.mean(resamples) if a.hashes == b.hashes else np.broadcast_to(a.all(), (len(resamples), *a.sums.shape[1:]))
    return _row("sets", a, b, found, _compare(*_with_energy(model, b.mean(resamples))))


def _halves(one: Moments, halves: Array) -> list[Row]:
    """Medians over the splits; nothing where no split left energy in both halves."""
    model, truth = _with_energy(one.mean(halves), one.mean(1 - halves))
    if len(model) == 0:
        return []
    draws = _compare(model, truth)
    return [_row("halves", one, one, {name: np.median(drawn) for name, drawn in draws.items()}, draws)]


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


def _row(compared: str, a: Moments, b: Moments, found: dict[str, Array], draws: dict[str, Array]) -> Row:
    """A row with 5–95 % of the draws as intervals; NaN where there are no draws."""
    fidelity, excess = (finite_quantiles(draws.get(name, ())) for name in ("fidelity", "excess"))
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
        fidelity=float(found["fidelity"]),
        fidelity_low=fidelity[0],
        fidelity_high=fidelity[2],
        trace_distance=float(found["trace_distance"]),
        excess_raw_bits_per_pixel=float(found["raw"]),
        excess_bits_per_pixel=float(found["excess"]),
        excess_low=excess[0],
        excess_high=excess[2],
        entropy_a_bits=float(von_neumann_entropy(_density(a.all()))),
        entropy_b_bits=float(von_neumann_entropy(_density(b.all()))),
    )


def _density(moments: Array) -> Array:
    return np.asarray(moments / np.trace(moments, axis1=-2, axis2=-1)[..., None, None])


def findings(rows: Sequence[Row]) -> list[str]:
    """Sets, halves of one set, comparisons by kind, scales of every set, and the pairs furthest apart."""
    compared, halves = select(rows, compared="sets"), select(rows, compared="halves")
    if not compared:
        return ["There is nothing to compare: a comparison takes two sets or scales of pictures with AC energy."]
    sizes = {row.set_b: row.pictures_b for row in rows}
    named = ", ".join(f"{name} ({count})" for name, count in sizes.items())
    sentences = [f"{len(sizes)} set{'' if len(sizes) == 1 else 's'}, with their numbers of pictures: {named}."]
    if halves:
        sentences.append(f"Two random halves of one set, the reference for equal operators: {_measured(halves)}.")
    if min(sizes.values()) < 2:
        sentences.append("A single picture has no halves and no interval.")
    shared = {(row.set_a, row.set_b) for row in compared if row.set_a < row.set_b and row.shared_pictures}
    if shared:
        listed = ", ".join(f"{a} and {b}" for a, b in sorted(shared))
        sentences.append(f"Some pictures are in two sets, which makes these more alike: {listed}.")
    return [*sentences, *_by_kind(rows, halves), *_scale_by_set(compared), *_furthest(compared)]


def _comparisons(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The pairs of sets, of scales and of JPEG with originals, by what is compared; without empty ones."""
    compared = select(rows, compared="sets")
    plain = select(compared, encoded=False)
    same_size = select(compared, same_set=True, scale_a=1, scale_b=1)
    equal = [row for row in plain if not row.same_set and row.kind_a == row.kind_b]
    kinds = {
        "sets at equal scale": equal,
        **{f"sets at {kind.label}": own for kind, own in groups(equal, "kind_a").items()},
        "scales of one set": select(plain, same_set=True),
        "a set after JPEG, coded by its originals": select(same_size, quality_a=0),
        "a set coded by its JPEG files": select(same_size, quality_b=0),
    }
    return {title: chosen for title, chosen in kinds.items() if chosen}


def _by_kind(rows: Sequence[Row], halves: Sequence[Row]) -> list[str]:
    """Sets against sets, scales against scales, JPEG against originals; and the larger of the first two."""
    kinds = _comparisons(rows)
    sentences = [
        f"{title[0].upper()}{title[1:]}: {_measured(chosen)}; with A's own contrast the median excess is "
        f"{median(chosen, 'excess_raw_bits_per_pixel'):.3f}.{_told_apart(chosen, halves)}"
        for title, chosen in kinds.items()
    ]
    sets, scales = (
        median(kinds[title], "excess_bits_per_pixel") if title in kinds else 0
        for title in ("sets at equal scale", "scales of one set")
    )
    if sets > 0 and scales > 0:
        more, less, ratio = ("scale", "set", scales / sets) if scales > sets else ("set", "scale", sets / scales)
        sentences.append(f"The {more} matters more than the {less}: {ratio:.1f} times the median excess.")
    return sentences


def _scale_by_set(compared: Sequence[Row]) -> list[str]:
    """Which sets are like themselves at another scale, and which are not."""
    between = groups(select(compared, same_set=True, encoded=False), "set_b")
    largest = {name: max(values(own, "excess_bits_per_pixel")) for name, own in between.items()}
    listed = ", ".join(f"{name} {value:.3f}" for name, value in sorted(largest.items(), key=lambda one: -one[1]))
    return [f"Largest excess between two scales of each set, bit/pixel: {listed}."] if largest else []


def _furthest(compared: Sequence[Row]) -> list[str]:
    """The pairs where the operator of A serves B worst, without and with JPEG."""
    ordered = sorted(compared, key=lambda row: -row.excess_bits_per_pixel)
    return [
        f"Furthest apart{title}: "
        + "; ".join(
            f"{row.labels[1]} coded by {row.labels[0]} {row.excess_bits_per_pixel:.3f} bit/pixel (F {row.fidelity:.3f})"
            for row in chosen[:3]
        )
        + "."
        for title, chosen in (("", select(ordered, encoded=False)), (", after JPEG", select(ordered, encoded=True)))
        if chosen
    ]


def _measured(rows: Sequence[Row]) -> str:
    (low, middle, high), (worst, fidelity, best) = (
        _range(rows, name) for name in ("excess_bits_per_pixel", "fidelity")
    )
    return (
        f"excess {middle:.3f} bit/pixel [{low:.3f} to {high:.3f}], fidelity {fidelity:.3f} [{worst:.3f} to {best:.3f}] "
        f"(median and range of {len(rows)}, traces made equal)"
    )


def _range(rows: Sequence[Row], name: str) -> tuple[float, float, float]:
    """Least, median and largest value."""
    low, middle, high = np.quantile(values(rows, name), [0, 0.5, 1])
    return float(low), float(middle), float(high)


def _within_halves(rows: Sequence[Row], halves: Sequence[Row]) -> tuple[int, int]:
    """Pairs no further apart than 95 % of the splits of one of their sets, and pairs of sets of enough pictures."""
    usual = {row.labels[1]: row.excess_high for row in halves if row.pictures_b >= LEAST_PICTURES}
    known = [row for row in rows if usual.keys() >= set(row.labels)]
    within = [row for row in known if row.excess_bits_per_pixel <= max(usual[label] for label in row.labels)]
    return len(within), len(known)


def _told_apart(rows: Sequence[Row], halves: Sequence[Row]) -> str:
    """Number of pairs that are no further apart than halves of one of their sets."""
    within, known = _within_halves(rows, halves)
    return (
        f" In {within} of {known} pairs of sets of at least {LEAST_PICTURES} pictures the excess is at most that of "
        "95 % of the splits of one of the two sets into halves."
        if known
        else ""
    )


def _described(row: Row) -> str:
    """Name of a kind of comparison: halves, or the kinds of two sets."""
    if row.compared == "halves":
        return f"halves of one set, {row.kind_b.label}"
    return f"{'the same set' if row.same_set else 'another set'}, {row.kind_a.label} codes {row.kind_b.label}"


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    scales = sorted({row.scale_b for row in rows if not row.quality_b})
    return {
        "kinds": _kinds(rows),
        "comparisons": _medians(rows),
        **{f"excess {Kind(scale=scale).label}": _matrix(rows, "excess_bits_per_pixel", scale) for scale in scales},
        **{f"fidelity {Kind(scale=scale).label}": _matrix(rows, "fidelity", scale) for scale in scales},
        "own scales": _own_scales(rows),
    }


def _matrix(rows: Sequence[Row], measure: str, scale: int) -> Table:
    """A measure between all sets at one scale, on the diagonal between halves of one set."""
    here = [row for row in rows if (row.scale_a, row.scale_b, row.encoded) == (scale, scale, False)]
    names = distinct(here, "set_b")
    cells = {(row.set_a, row.set_b): getattr(row, measure) for row in here}
    what = "Excess code length in bit/pixel, traces made equal" if measure != "fidelity" else "Fidelity"
    return Table(
        columns=["operator of A", *(f"B: {name}" for name in names)],
        rows=[[a, *(cells.get((a, b), float("nan")) for b in names)] for a in names],
        formats={f"B: {name}": ".3f" for name in names},
        caption=f"{what}; on the diagonal the median over splits of the set into halves",
    )


def _own_scales(rows: Sequence[Row]) -> Table:
    """Excess of every set coded by the operator of another scale, or of JPEG files, of the same pictures."""
    own = [row for row in select(rows, compared="sets", same_set=True) if _to_itself(row)]
    own.sort(key=lambda row: (row.encoded, row.scale_a * row.scale_b, row.scale_a, row.quality_a))
    names = distinct(own, "labels_of_kinds")
    cells = {(row.set_b, row.labels_of_kinds): row.excess_bits_per_pixel for row in own}
    return Table(
        columns=["set", *names],
        rows=[[one, *(cells.get((one, name), float("nan")) for name in names)] for one in distinct(rows, "set_b")],
        formats=dict.fromkeys(names, ".3f"),
        caption="Excess code length in bit/pixel, traces made equal, where the operator before the arrow codes the "
        "pictures behind it",
    )


def _to_itself(row: Row) -> bool:
    """Whether scales differ, or JPEG files are compared with their originals of full size."""
    return not row.encoded or (row.scale_a == row.scale_b == 1 and 0 in (row.quality_a, row.quality_b))


def _medians(rows: Sequence[Row]) -> Table:
    """Medians over the pairs of sets, of scales, and of JPEG files with their originals."""
    halves = select(rows, compared="halves")
    body = []
    for title, own in _comparisons(rows).items():
        within, known = _within_halves(own, halves)
        excess, raw = (median(own, name) for name in ("excess_bits_per_pixel", "excess_raw_bits_per_pixel"))
        body.append([title, len(own), excess, raw, max(values(own, "excess_raw_bits_per_pixel")), within, known])
    return Table(
        columns=[
            "compared",
            "pairs",
            "excess, bit/pixel",
            "with A's contrast",
            "largest with A's contrast",
            "pairs within halves",
            f"pairs of sets of {LEAST_PICTURES} pictures",
        ],
        rows=body,
        formats=dict.fromkeys(("excess, bit/pixel", "with A's contrast"), ".3f") | {"largest with A's contrast": ".0f"},
        caption="Medians over pairs; within halves: no further apart than 95 % of the splits of one of the two sets",
    )


def _kinds(rows: Sequence[Row]) -> Table:
    """Medians and ranges of the pairs by the scales and qualities of A and B."""
    body = []
    ordered = sorted(rows, key=lambda row: (row.compared, row.same_set))
    for kind, own in groups_by(ordered, _described).items():
        fidelity, distance, excess, raw = (_range(own, name) for name in _TABLED)
        cells = [interval_cell(low, high, ".3f") for low, _, high in (fidelity, excess)]
        body.append([kind, len(own), fidelity[1], cells[0], distance[1], excess[1], cells[1], raw[1]])
    return Table(
        columns=[
            "operator of A codes B",
            "pairs",
            "fidelity",
            "range",
            "trace distance",
            "excess, bit/pixel",
            "range ",
            "excess with A's contrast",
        ],
        rows=body,
        caption="Medians over pairs; luma without DC, traces made equal",
        formats=dict.fromkeys(("fidelity", "trace distance", "excess, bit/pixel", "excess with A's contrast"), ".3f"),
    )


_TABLED = ("fidelity", "trace_distance", "excess_bits_per_pixel", "excess_raw_bits_per_pixel")


def plot(rows: Sequence[Row]) -> Figure:
    """Excess code length and fidelity of every pair; on the diagonal those of two halves of one set."""
    shown = {row.labels[1]: row for row in rows}
    places = {label: place for place, label in enumerate(shown)}
    names, kinds = values(list(shown.values()), "set_b"), [row.kind_b.label for row in shown.values()]
    figure, axes = subplots(2, 1, figsize=(7, 12.4))
    panels = (
        ("excess_bits_per_pixel", "excess code length, traces made equal", "bit/pixel", "viridis_r"),
        ("fidelity", "fidelity of the density matrices", "F", "viridis"),
    )
    for ax, (name, title, unit, palette) in zip(axes, panels, strict=True):
        matrix = np.full((len(names), len(names)), np.nan)
        for row in rows:
            matrix[places[row.labels[0]], places[row.labels[1]]] = getattr(row, name)
        plot_matrix(matrix, names, groups=kinds, unit=unit, logarithmic=unit == "bit/pixel", palette=palette, ax=ax)
        ax.set_title(title, pad=20)
        ax.set(xlabel="pictures of B (diagonal: halves of one set)", ylabel="operator of A, in the same order")
    return figure
