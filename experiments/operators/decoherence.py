"""Does a damping–dephasing channel predict what quantization does to the density matrix of a picture?

Luma, 8×8 DCT, AC part (63×63), libjpeg's tables. Predicted and true density matrices of the quantized coefficients
are compared by trace distance, as a fraction of "identity": the distance between the states before and after
quantization. The gains α come from the same pictures or from others; "populations only" leaves the coherences
unchanged; "scatter" is the distance that uncorrelated errors of the same size leave on as many patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
        sources = self.gather_from(self.alpha_from)
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
    """What a channel with uncorrelated errors leaves on so many patches: the signs of the errors are random."""
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
        sources = params.gather_from(params.alpha_from).pictures
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
    """Fraction of identity's trace distance that the channel leaves, and entropy before and after."""
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
        "For dither the model is exact in expectation and changes no coherence, so all models agree; the rest is the "
        "scatter of one finite draw."
    )
    centroid = groups(select(shown, reconstruction="centroid", alpha_from="same"), "quality")
    for quality in sorted({min(centroid), max(centroid)}) if centroid else ():
        row = centroid[quality][0]
        lower = row.entropy_true_bits < row.entropy_raw_bits
        sentences.append(
            f"At quality {quality} centroid quantization takes the entropy from {row.entropy_raw_bits:.3f} to "
            f"{row.entropy_true_bits:.3f} bit; the channel predicts {row.entropy_model_bits:.3f} bit."
            f"{' Dephasing alone cannot lower it.' if lower else ''}"
        )
    if len(distinct(rows, "image")) == 1:
        sentences.append("With one picture, α of “other” pictures is that of the bundled photographs or of alpha_from.")
    return sentences


def _span(rows: Sequence[Row], name: str) -> str:
    low, high = (f"{end(values(rows, name)):.2f}" for end in (min, max))
    return low if low == high else f"{low}–{high}"


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    pooled = _fractions(pooled_rows(rows))
    by_reconstruction: dict[str, Table] = {
        reconstruction: replace(
            pooled, columns=pooled.columns[1:], rows=[row[1:] for row in pooled.rows if row[0] == reconstruction]
        )
        for reconstruction in RECONSTRUCTIONS
    }
    return {"pooled": pooled, **by_reconstruction, "pictures": _pictures(rows)}


def _pictures(rows: Sequence[Row]) -> Table:
    """Means over the single pictures, each compared with its own state."""
    single = [row for row in rows if row.image != "pooled"]
    return table_of(
        select(single, alpha_from="same"),
        {
            "reconstruction": "reconstruction",
            "quality": "quality",
            "pictures": len,
            "identity": "identity_distance",
            "channel, α same": "model_fraction",
            "populations only": "populations_only_fraction",
            "scatter": "scatter_fraction",
        },
        by=("reconstruction", "quality"),
        formats={name: spec for name, spec in _FORMATS.items() if "other" not in name and "entropy" not in name},
        caption="Means over single pictures; identity: trace distance, models: fraction of it",
    )


_FORMATS = {"identity": ".4f"} | dict.fromkeys(
    (
        "channel, α same",
        "channel, α other",
        "populations only",
        "scatter",
        "true entropy, bit",
        "entropy of the model, bit",
    ),
    ".3f",
)


def _fractions(rows: Sequence[Row]) -> Table:
    """Distances and entropies of rows that have one picture name each."""
    shown = sorted(rows, key=lambda row: RECONSTRUCTIONS.index(row.reconstruction))
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
            "true entropy, bit": "entropy_true_bits",
            "entropy of the model, bit": "entropy_model_bits",
        },
        formats=_FORMATS,
        caption="Identity: trace distance between the states before and after; models: fraction of it",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Fraction of identity's trace distance against quality, for each reconstruction."""
    figure, axes = subplots(1, 3, figsize=(7, 2.9), sharey=True)
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
    axes[0].set_ylim(0, 1.15)
    legend_below(figure)
    name_identity(axes[1])
    return figure


def _points(rows: Sequence[Row], name: str) -> tuple[list[int], list[float]]:
    ordered = sorted(rows, key=lambda row: (row.quality, getattr(row, name)))
    return values(ordered, "quality"), values(ordered, name)
