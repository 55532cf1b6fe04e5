"""Does a damping–dephasing channel say what quantization does to the density matrix of a picture?

Luma, 8×8 DCT, AC part (63×63), libjpeg's tables. Predicted and true density matrices of the quantized coefficients
are compared by trace distance, as a fraction of "identity": the distance that quantization moved the state at all. The
gains α come from the same pictures or from others; "populations only" leaves the coherences untouched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from experiments.parameters import integers
from experiments.pictures import Picture, PictureParams, Track, bundled, gather
from qimg import images, metrics
from qimg.arguments import Array, integer, require
from qimg.channels import QuantizerMarginals, channel_from_marginals, quantize
from qimg.channels.quantization import RECONSTRUCTIONS, Reconstruction
from qimg.operators import von_neumann_entropy
from qimg.patches import extract_patches
from qimg.report import Table, plot_curves
from qimg.transforms import apply, unitary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    alpha_from: tuple[str, ...] = ()
    """Other pictures for α; when left out, every picture is predicted from the α of the remaining ones."""
    qualities: tuple[int, ...] = (90, 75, 50, 25, 10, 5)
    """libjpeg qualities."""
    seed: int = 0
    """Seed of the dither."""


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
    entropy_raw_bits: float
    entropy_true_bits: float
    entropy_model_bits: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sample:
    """One picture, or several pooled: 9 bytes of memory per pixel."""

    name: str
    luma: Sequence[Array]
    """Planes in whole code values, `uint8`."""
    raw: Array
    """(n, 63) AC coefficients."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows for every picture and for all pooled; with one picture, for it alone."""
    integers("qualities", params.qualities, 1, 100)
    integer("seed", params.seed, 0)
    pictures = params.gather().pictures
    samples = [sample for sample in map(_sample, track(pictures)) if sample.raw.any()]
    if not samples:
        return []
    known = {picture.sha256 for picture in pictures}
    pool = _pooled(samples) if len(samples) > 1 else None
    outside = _outside(params, known) if params.alpha_from or pool is None else []
    rows: list[Row] = []
    for quality in track(params.qualities):
        step = images.quantization_table(quality).ravel()[1:]
        own = [QuantizerMarginals.measure(sample.raw, step) for sample in samples]
        total = reduce(add, own)
        if params.alpha_from or pool is None:
            rest = reduce(add, (QuantizerMarginals.measure(sample.raw, step) for sample in outside))
            others = [rest] * len(samples)
        else:
            others = [total - marginals for marginals in own]
        for reconstruction in RECONSTRUCTIONS:
            alone = [
                _Source([sample], [marginals], [rest])
                for sample, marginals, rest in zip(samples, own, others, strict=True)
            ]
            pooled = [_Source(samples, [total] * len(samples), others)] if pool is not None else []
            for source, sample in zip([*alone, *pooled], [*samples, *([pool] if pool else [])], strict=True):
                rows += _predict(sample, source, quality, step, reconstruction, params.seed)
    return rows


@dataclass(frozen=True)
class _Source:
    """The parts of a sample, each with the marginals of the same and of other pictures."""

    parts: Sequence[_Sample]
    same: Sequence[QuantizerMarginals]
    other: Sequence[QuantizerMarginals]


def _outside(params: Params, known: set[str]) -> list[_Sample]:
    """Pictures for α that are not among those whose state is predicted."""
    if params.alpha_from:
        sources = gather(params.alpha_from, box_mean=params.box_mean).pictures
    else:
        sources = bundled(box_mean=params.box_mean or 1)
    outside = [_sample(picture) for picture in sources if picture.sha256 not in known]
    require(len(outside) > 0, "alpha_from", "must hold a picture that images does not", params.alpha_from)
    return outside


def _sample(picture: Picture) -> _Sample:
    luma = images.to_uint8(picture.luma_code_values())
    return _Sample(name=picture.name, luma=[luma], raw=ac_coefficients(luma))


def ac_coefficients(luma: Array) -> Array:
    """(n, 63) DCT coefficients of the 8×8 patches of a luma plane, DC left out."""
    patches = extract_patches(luma).astype(np.float64)
    # They do not depend on a constant; without it flat patches have none, not even by rounding.
    return apply(unitary("dct_2d", 64), patches - patches[:, :1])[:, 1:]


def _pooled(samples: Sequence[_Sample]) -> _Sample:
    luma = [plane for sample in samples for plane in sample.luma]
    return _Sample(name="pooled", luma=luma, raw=np.vstack([sample.raw for sample in samples]))


def _predict(
    sample: _Sample, source: _Source, quality: int, step: Array, reconstruction: Reconstruction, seed: int
) -> list[Row]:
    """Model every part with its own α, add the second moments up, and compare with the truth."""
    raw, true = (
        _density(_moments(sample.raw)),
        _density(_quantized_moments(sample, quality, step, reconstruction, seed)),
    )
    rows = []
    for name, marginals in (("same", source.same), ("other", source.other)):
        model, populations = np.zeros_like(raw), np.zeros_like(raw)
        for part, statistics in zip(source.parts, marginals, strict=True):
            moments = _moments(part.raw)
            predicted, diagonal = _modelled(moments, len(part.raw), statistics, reconstruction)
            model += predicted
            populations += moments + np.diag(diagonal - np.diagonal(moments))
        if np.trace(model) > 0:
            rows.append(
                _row(sample.name, quality, reconstruction, name, raw, true, _density(model), _density(populations))
            )
    return rows


def _modelled(
    moments: Array, count: int, marginals: QuantizerMarginals, reconstruction: Reconstruction
) -> tuple[Array, Array]:
    """Second moments after the channel, not normalised, and their diagonal."""
    if reconstruction == "dithered":
        # In absolute terms dither adds the same noise to every picture, whatever α is fitted on.
        predicted = moments + count * np.diag(marginals.step**2 / 12)
    else:
        predicted = moments * channel_from_marginals(marginals, reconstruction=reconstruction).multiplier()
    return predicted, np.diagonal(predicted)


def _quantized_moments(sample: _Sample, quality: int, step: Array, reconstruction: Reconstruction, seed: int) -> Array:
    if reconstruction == "midpoint":
        decoded = (images.jpeg_round_trip(plane, quality=quality).image for plane in sample.luma)
        return np.sum([_moments(ac_coefficients(plane)) for plane in decoded], axis=0)
    rng = np.random.default_rng(seed) if reconstruction == "dithered" else None
    return _moments(quantize(sample.raw, step, reconstruction=reconstruction, rng=rng))


def _moments(coefficients: Array) -> Array:
    return np.asarray(coefficients.T @ coefficients)


def _density(moments: Array) -> Array:
    trace = float(np.trace(moments))
    # Coefficients that are all quantized to zero leave no direction: the maximally mixed state.
    return np.asarray(moments / trace if trace > 0 else np.eye(len(moments)) / len(moments))


def _row(
    name: str, quality: int, reconstruction: str, source: str, raw: Array, true: Array, model: Array, populations: Array
) -> Row:
    identity = float(metrics.trace_distance(raw, true))
    scale = identity if identity > 0 else float("nan")
    return Row(
        image=name,
        quality=quality,
        reconstruction=reconstruction,
        compared_with="decoded JPEG" if reconstruction == "midpoint" else "coefficients",
        alpha_from=source,
        identity_distance=identity,
        model_fraction=float(metrics.trace_distance(model, true)) / scale,
        populations_only_fraction=float(metrics.trace_distance(populations, true)) / scale,
        entropy_raw_bits=float(von_neumann_entropy(raw)),
        entropy_true_bits=float(von_neumann_entropy(true)),
        entropy_model_bits=float(von_neumann_entropy(model)),
    )


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
        sentences.append(f"{text}; populations alone leave {_span(same, 'populations_only_fraction')}.")
    sentences.append(
        "Dither is exact in expectation and touches no coherence, so all models agree there: what is left is the "
        "scatter of one finite draw."
    )
    centroid = [row for row in shown if row.reconstruction == "centroid" and row.alpha_from == "same"]
    gap = max(abs(row.entropy_true_bits - row.entropy_model_bits) for row in centroid)
    fine, coarse = max(centroid, key=lambda row: row.quality), min(centroid, key=lambda row: row.quality)
    sentences.append(
        f"Coarser steps purify: the entropy of centroid-quantized coefficients is {fine.entropy_true_bits:.2f} bit at "
        f"quality {fine.quality} and {coarse.entropy_true_bits:.2f} bit at {coarse.quality}; the channel says so to "
        f"{gap:.4f} bit. Dephasing alone could only raise it."
    )
    if len({row.image for row in rows}) == 1:
        sentences.append("One picture only: α from “other” pictures is taken from the bundled photographs.")
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
        "entropy true, bit",
        "entropy model, bit",
    ]
    return Table(columns=columns, rows=body, caption="Trace distance: identity absolute, models as a fraction of it")


def plot(rows: Sequence[Row]) -> "Figure":
    """Fraction of identity's trace distance against quality, for each reconstruction."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True)
    shown = _summary(rows)
    for ax, reconstruction in zip(axes, RECONSTRUCTIONS, strict=True):
        chosen = [row for row in shown if row.reconstruction == reconstruction]
        curves = {}
        for label, name, source in (
            ("populations only", "populations_only_fraction", "same"),
            ("channel, α from other pictures", "model_fraction", "other"),
            ("channel, α from the same", "model_fraction", "same"),
        ):
            points = sorted((row.quality, getattr(row, name)) for row in chosen if row.alpha_from == source)
            if points:
                curves[label] = tuple(zip(*points, strict=True))
        ax.axhline(1.0, color="0.5", linestyle="--", linewidth=1)
        if curves:
            plot_curves(
                curves, x_label="JPEG quality", y_label="trace distance / identity's" if ax is axes[0] else "", ax=ax
            )
        ax.set_title(f"{reconstruction}, against {'decoded JPEG' if reconstruction == 'midpoint' else 'coefficients'}")
        if ax.get_legend():
            ax.get_legend().remove()
    axes[0].set_ylim(0, 1.05)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    axes[1].annotate("identity", (0.98, 1.0), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    return figure
