"""Does a damping–dephasing channel predict what quantization does to the density matrix of a picture?

Luma, 8×8 DCT, AC part (63×63), libjpeg's tables. Predicted and true density matrices of the quantized coefficients
are compared by trace distance, as a fraction of "identity": the distance that quantization moved the state at all. The
gains α come from the same pictures or from others; "populations only" leaves the coherences untouched; "scatter" is
what uncorrelated errors of the same size would leave on as many patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from experiments._run import (
    Figure,
    Gathered,
    Panel,
    PictureParams,
    Qualities,
    Seed,
    Table,
    Track,
    bundled,
    check,
    distinct,
    gather,
    groups,
    legend_below,
    name_identity,
    pooled_rows,
    require,
    select,
    subplots,
    sum_of,
    table_of,
    values,
)
from experiments.operators.quantized_states import QuantizedMoments, Sample, density, lost, quantized_moments, sample
from qimg import images, metrics
from qimg.channels import QuantizerMarginals
from qimg.channels.quantization import RECONSTRUCTIONS
from qimg.operators import von_neumann_entropy


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    alpha_from: tuple[str, ...] = ()
    """Other pictures for α; when left out, every picture is predicted from the α of the remaining ones."""
    qualities: Qualities = (90, 75, 50, 25, 10, 5)
    """libjpeg qualities."""
    seed: Seed = 0
    """Seed of the dither."""

    def inputs(self) -> Gathered:
        """The pictures and, where they are given, those that α comes from."""
        pictures = self.gather()
        if not self.alpha_from:
            return pictures
        sources = gather(self.alpha_from, box_mean=self.box_mean)
        return pictures + sources


TINY = Params(box_mean=4, qualities=(50,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One prediction of a quantized density matrix."""

    image: str
    """A picture's name, or "pooled"."""
    quality: int
    reconstruction: str
    compared_with: str
    """"decoded JPEG" for midpoint, "coefficients" for the others."""
    alpha_from: str
    """"same" or "other" pictures."""
    identity_distance: float
    """Trace distance between the density matrices before and after."""
    model_fraction: float
    """Trace distance between model and truth, as a fraction of `identity_distance`."""
    populations_only_fraction: float
    """The same for the model with untouched coherences."""
    scatter_fraction: float
    """What a channel with uncorrelated errors would leave on so many patches: the errors' signs drawn at random."""
    entropy_raw_bits: float
    entropy_true_bits: float
    entropy_model_bits: float


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows for every picture and for all pooled; with one picture, for it alone."""
    check(params)
    pictures = params.gather().pictures
    samples = [one for one in map(sample, track(pictures)) if one.raw().any()]
    if not samples:
        return []
    alone = len(samples) == 1
    outside = _outside(params, {picture.sha256 for picture in pictures}) if params.alpha_from or alone else []
    rows: list[Row] = []
    for quality in track(params.qualities):
        step = images.quantization_table(quality).ravel()[1:]
        own = [QuantizerMarginals.measure(one.raw(), step) for one in samples]
        total = sum_of(own)
        rest = sum_of(QuantizerMarginals.measure(one.raw(), step) for one in outside) if outside else None
        pooled: dict[str, QuantizedMoments] = {}
        for one, marginals in zip(samples, own, strict=True):
            raw = one.raw()
            other = total - marginals if rest is None else rest
            for reconstruction in RECONSTRUCTIONS:
                predict = partial(
                    quantized_moments,
                    one,
                    raw,
                    other=other,
                    quality=quality,
                    reconstruction=reconstruction,
                    seed=params.seed,
                )
                rows += _rows(one.name, quality, reconstruction, predict(same=marginals))
                if not alone:
                    moments = predict(same=total)
                    pooled[reconstruction] = pooled[reconstruction] + moments if reconstruction in pooled else moments
        for name, moments in pooled.items():
            rows += _rows("pooled", quality, name, moments)
    return rows


def _outside(params: Params, known: set[str]) -> list[Sample]:
    """Pictures for α that are not among those whose state is predicted."""
    if params.alpha_from:
        sources = gather(params.alpha_from, box_mean=params.box_mean).pictures
    else:
        sources = bundled(box_mean=params.box_mean or 1)
    outside = [sample(picture) for picture in sources if picture.sha256 not in known]
    require(len(outside) > 0, "alpha_from", "must hold a picture that images does not", params.alpha_from)
    return outside


def _rows(name: str, quality: int, reconstruction: str, moments: QuantizedMoments) -> list[Row]:
    """A row for each source of α whose channel leaves any energy."""
    raw = density(moments.raw)
    true = density(np.zeros_like(raw) if lost(moments.true, moments.raw) else moments.true)
    identity = float(metrics.trace_distance(raw, true))
    scale = identity if identity > 0 else float("nan")
    scatter = float(metrics.trace_distance(density(moments.exact), density(moments.scattered))) / scale
    rows = []
    for source, channel in moments.channel.items():
        if lost(channel, moments.raw):
            continue
        model, populations = density(channel), density(moments.populations_only[source])
        rows.append(
            Row(
                image=name,
                quality=quality,
                reconstruction=reconstruction,
                compared_with="decoded JPEG" if reconstruction == "midpoint" else "coefficients",
                alpha_from=source,
                identity_distance=identity,
                model_fraction=float(metrics.trace_distance(model, true)) / scale,
                populations_only_fraction=float(metrics.trace_distance(populations, true)) / scale,
                scatter_fraction=scatter,
                entropy_raw_bits=float(von_neumann_entropy(raw)),
                entropy_true_bits=float(von_neumann_entropy(true)),
                entropy_model_bits=float(von_neumann_entropy(model)),
            )
        )
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """What the channel leaves of identity's trace distance, and what becomes of the entropy."""
    shown = pooled_rows(rows)
    if not shown:
        return ["No picture has AC energy, so quantization moves nothing."]
    sentences = []
    for reconstruction in RECONSTRUCTIONS:
        same, other = (select(shown, reconstruction=reconstruction, alpha_from=source) for source in ("same", "other"))
        if same:
            from_others = f", {_span(other, 'model_fraction')} with α from other pictures" if other else ""
            sentences.append(
                f"{reconstruction.capitalize()} against {same[0].compared_with}: the channel leaves "
                f"{_span(same, 'model_fraction')} of identity's trace distance with α from the same pictures"
                f"{from_others}; populations alone leave {_span(same, 'populations_only_fraction')}. The scatter of so "
                f"many patches alone would leave {_span(same, 'scatter_fraction')}."
            )
    sentences.append(
        "Dither is exact in expectation and touches no coherence, so all models agree there, and what is left is the "
        "scatter of one finite draw."
    )
    centroid = groups(select(shown, reconstruction="centroid", alpha_from="same"), "quality")
    for quality in sorted({min(centroid), max(centroid)}) if centroid else ():
        row = centroid[quality][0]
        lower = row.entropy_true_bits < row.entropy_raw_bits
        sentences.append(
            f"At quality {quality} centroid quantization takes the entropy from {row.entropy_raw_bits:.3f} to "
            f"{row.entropy_true_bits:.3f} bit; the channel says {row.entropy_model_bits:.3f} bit."
            f"{' Dephasing alone could only raise it.' if lower else ''}"
        )
    if len(distinct(rows, "image")) == 1:
        sentences.append("One picture only, so α from “other” pictures comes from outside the pictures looked at.")
    return sentences


def _span(rows: Sequence[Row], name: str) -> str:
    low, high = (f"{end(values(rows, name)):.2f}" for end in (min, max))
    return low if low == high else f"{low}–{high}"


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """The pooled state, as fractions of identity's trace distance."""
    shown = sorted(pooled_rows(rows), key=lambda row: RECONSTRUCTIONS.index(row.reconstruction))
    other = {
        (row.reconstruction, row.quality, row.image): row.model_fraction for row in select(shown, alpha_from="other")
    }
    return table_of(
        select(shown, alpha_from="same"),
        {
            "reconstruction": "reconstruction",
            "quality": "quality",
            "identity": "identity_distance",
            "channel, α same": "model_fraction",
            "channel, α other": lambda row: other.get((row.reconstruction, row.quality, row.image), float("nan")),
            "populations only": "populations_only_fraction",
            "scatter": "scatter_fraction",
            "entropy true, bit": "entropy_true_bits",
            "entropy model, bit": "entropy_model_bits",
        },
        caption="Trace distance: identity absolute, models as a fraction of it",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Fraction of identity's trace distance against quality, for each reconstruction."""
    figure, axes = subplots(1, 3, figsize=(11, 3.6), sharey=True)
    for ax, reconstruction in zip(axes, RECONSTRUCTIONS, strict=True):
        same, other = (
            select(pooled_rows(rows), reconstruction=reconstruction, alpha_from=source) for source in ("same", "other")
        )
        lines = {
            "populations only": _points(same, "populations_only_fraction"),
            "channel, α from other pictures": _points(other, "model_fraction"),
            "channel, α from the same": _points(same, "model_fraction"),
            "scatter of so many patches": _points(same, "scatter_fraction"),
        }
        Panel(
            curves={label: points for label, points in lines.items() if points[0]},
            x="JPEG quality",
            y="trace distance / identity's" if ax is axes[0] else "",
            title=f"{reconstruction}, against {'decoded JPEG' if reconstruction == 'midpoint' else 'coefficients'}",
            dashed=(1.0,),
            legend=False,
        ).draw(ax)
    axes[0].set_ylim(0, 1.05)
    legend_below(figure)
    name_identity(axes[1])
    return figure


def _points(rows: Sequence[Row], name: str) -> tuple[list[int], list[float]]:
    ordered = sorted(rows, key=lambda row: (row.quality, getattr(row, name)))
    return values(ordered, "quality"), values(ordered, name)
