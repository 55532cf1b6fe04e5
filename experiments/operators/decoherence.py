"""Does a damping–dephasing channel say what quantization does to the density matrix of a picture?

Luma, 8×8 DCT, AC part (63×63), libjpeg's tables. Predicted and true density matrices of the quantized coefficients
are compared by trace distance, as a fraction of "identity": the distance that quantization moved the state at all. The
gains α come from the same pictures or from others; "populations only" leaves the coherences untouched; "scatter" is
what uncorrelated errors of the same size would leave on as many patches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

import numpy as np

from experiments._run import (
    Figure,
    Gathered,
    PictureParams,
    Qualities,
    Seed,
    Table,
    Track,
    bundled,
    check,
    gather,
    plot_curves,
    subplots,
    zero_line,
)
from experiments.operators.quantized_states import QuantizedMoments, Sample, density, lost, quantized_moments, sample
from qimg import images, metrics
from qimg.channels import QuantizerMarginals
from qimg.channels.quantization import RECONSTRUCTIONS
from qimg.core.arguments import require
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
        return Gathered(pictures=[*pictures.pictures, *sources.pictures], skipped=[*pictures.skipped, *sources.skipped])


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
        total = reduce(add, own)
        rest = reduce(add, (QuantizerMarginals.measure(one.raw(), step) for one in outside)) if outside else None
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
    """What the rows say."""
    shown = _summary(rows)
    if not shown:
        return ["No picture has AC energy, so quantization moves nothing."]
    sentences = []
    for reconstruction in RECONSTRUCTIONS:
        chosen = [row for row in shown if row.reconstruction == reconstruction]
        same = [row for row in chosen if row.alpha_from == "same"]
        other = [row for row in chosen if row.alpha_from == "other"]
        if not same:
            continue
        text = (
            f"{reconstruction.capitalize()} against {same[0].compared_with}: the channel leaves "
            f"{_span(same, 'model_fraction')} of identity's trace distance with α from the same pictures"
        )
        if other:
            text += f", {_span(other, 'model_fraction')} with α from other pictures"
        sentences.append(
            f"{text}; populations alone leave {_span(same, 'populations_only_fraction')}. The scatter of so many "
            f"patches alone would leave {_span(same, 'scatter_fraction')}."
        )
    sentences.append(
        "Dither is exact in expectation and touches no coherence, so all models agree there, and what is left is the "
        "scatter of one finite draw."
    )
    centroid = [row for row in shown if row.reconstruction == "centroid" and row.alpha_from == "same"]
    for quality in sorted(
        {max(row.quality for row in centroid), min(row.quality for row in centroid)} if centroid else ()
    ):
        row = next(row for row in centroid if row.quality == quality)
        text = (
            f"At quality {quality} centroid quantization takes the entropy from {row.entropy_raw_bits:.3f} to "
            f"{row.entropy_true_bits:.3f} bit; the channel says {row.entropy_model_bits:.3f} bit."
        )
        if row.entropy_true_bits < row.entropy_raw_bits:
            text += " Dephasing alone could only raise it."
        sentences.append(text)
    if len({row.image for row in rows}) == 1:
        sentences.append("One picture only, so α from “other” pictures comes from outside the pictures looked at.")
    return sentences


def _summary(rows: Sequence[Row]) -> list[Row]:
    pooled = [row for row in rows if row.image == "pooled"]
    return pooled or list(rows)


def _span(rows: Sequence[Row], name: str) -> str:
    values = [getattr(row, name) for row in rows]
    low, high = min(values), max(values)
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f}–{high:.2f}"


def table(rows: Sequence[Row]) -> Table:
    """The pooled state, as fractions of identity's trace distance."""
    shown = _summary(rows)
    body = []
    for row in shown:
        if row.alpha_from == "same":
            other = [
                r
                for r in shown
                if r.alpha_from == "other"
                and (r.quality, r.reconstruction, r.image) == (row.quality, row.reconstruction, row.image)
            ]
            body.append(
                [
                    row.reconstruction,
                    row.quality,
                    row.identity_distance,
                    row.model_fraction,
                    other[0].model_fraction if other else float("nan"),
                    row.populations_only_fraction,
                    row.scatter_fraction,
                    row.entropy_true_bits,
                    row.entropy_model_bits,
                ]
            )
    body.sort(key=lambda line: RECONSTRUCTIONS.index(line[0]))
    columns = [
        "reconstruction",
        "quality",
        "identity",
        "channel, α same",
        "channel, α other",
        "populations only",
        "scatter",
        "entropy true, bit",
        "entropy model, bit",
    ]
    return Table(columns=columns, rows=body, caption="Trace distance: identity absolute, models as a fraction of it")


def plot(rows: Sequence[Row]) -> Figure:
    """Fraction of identity's trace distance against quality, for each reconstruction."""
    figure, axes = subplots(1, 3, figsize=(11, 3.6), sharey=True)
    shown = _summary(rows)
    for ax, reconstruction in zip(axes, RECONSTRUCTIONS, strict=True):
        chosen = [row for row in shown if row.reconstruction == reconstruction]
        curves = {}
        for label, name, source in (
            ("populations only", "populations_only_fraction", "same"),
            ("channel, α from other pictures", "model_fraction", "other"),
            ("channel, α from the same", "model_fraction", "same"),
            ("scatter of so many patches", "scatter_fraction", "same"),
        ):
            points = sorted((row.quality, getattr(row, name)) for row in chosen if row.alpha_from == source)
            if points:
                curves[label] = tuple(zip(*points, strict=True))
        zero_line(ax, 1.0)
        if curves:
            plot_curves(
                curves, x_label="JPEG quality", y_label="trace distance / identity's" if ax is axes[0] else "", ax=ax
            )
        ax.set_title(f"{reconstruction}, against {'decoded JPEG' if reconstruction == 'midpoint' else 'coefficients'}")
        if ax.get_legend():
            ax.get_legend().remove()
    axes[0].set_ylim(0, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    axes[1].annotate("identity", (0.98, 1.0), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    return figure
