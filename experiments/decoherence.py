"""Does a damping–dephasing channel say what quantization does to the density matrix of a picture?

Luma, 8×8 DCT, AC part (63×63), libjpeg's tables. Predicted and true density matrices of the quantized coefficients are
compared by trace distance, as a fraction of "identity": the distance that quantization moved the state at all. The gains
α come from the same pictures or from others; "populations only" leaves the coherences untouched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.pictures import Picture, Track, gather, others
from qimg import images, metrics
from qimg.arguments import Array
from qimg.channels import quantization_channel, quantize
from qimg.channels.quantization import RECONSTRUCTIONS, Reconstruction
from qimg.images import LEVEL_SHIFT
from qimg.operators import von_neumann_entropy
from qimg.patches import extract_patches
from qimg.report import Table, plot_curves
from qimg.transforms import apply, unitary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Params:
    """Inputs of the experiment."""

    images: tuple[str, ...] = ()
    """Files and folders; scikit-image's photographs when left out."""
    alpha_from: tuple[str, ...] = ()
    """Other pictures for α; when left out, every picture is predicted from the α of the remaining ones."""
    box_mean: int = 1
    """Downscale every picture by averaging boxes of this size first."""
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


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """AC coefficients of one picture, or of several pooled."""

    name: str
    raw: Array
    decoded: dict[int, Array]
    """Per quality, of the decoded JPEG."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows for every picture and for all pooled; with one picture, for it alone."""
    pictures = list(gather(params.images, box_mean=params.box_mean).pictures)
    samples = {picture.sha256: _sample(picture, params.qualities) for picture in track(pictures)}
    outside = _outside(params, pictures)
    jobs: list[tuple[_Sample, list[Array]]] = [
        (samples[picture.sha256], outside or [_raw(other, samples) for other in others(pictures, picture)])
        for picture in pictures
    ]
    if len(pictures) > 1:
        pool = _pooled([samples[picture.sha256] for picture in pictures])
        jobs.append((pool, outside))
    rows: list[Row] = []
    for quality in track(params.qualities):
        step = images.quantization_table(quality).ravel()[1:]
        for sample, rest in jobs:
            if not (sample.raw**2).sum() > 0:
                continue
            for reconstruction in RECONSTRUCTIONS:
                rows += _predict(sample, rest, quality, step, reconstruction, params.seed)
        if len(pictures) > 1 and not outside:
            rows += _pooled_leave_one_out(pictures, samples, quality, step, params.seed)
    return rows


def _sample(picture: Picture, qualities: Sequence[int]) -> _Sample:
    luma = picture.luma_code_values()
    decoded = {
        quality: ac_coefficients(
            images.jpeg_round_trip(luma.astype(np.uint8), quality=quality).image.astype(np.float64)
        )
        for quality in qualities
    }
    return _Sample(name=picture.name, raw=ac_coefficients(luma), decoded=decoded)


def ac_coefficients(luma: Array) -> Array:
    """(n, 63) DCT coefficients of the 8×8 patches of a luma plane, DC left out."""
    return apply(unitary("dct_2d", 64), extract_patches(luma) - LEVEL_SHIFT)[:, 1:]


def _raw(picture: Picture, samples: dict[str, _Sample]) -> Array:
    if picture.sha256 in samples:
        return samples[picture.sha256].raw
    return ac_coefficients(picture.luma_code_values())


def _outside(params: Params, pictures: Sequence[Picture]) -> list[Array]:
    if not params.alpha_from:
        return []
    known = {picture.sha256 for picture in pictures}
    found = gather(params.alpha_from, box_mean=params.box_mean).pictures
    return [ac_coefficients(picture.luma_code_values()) for picture in found if picture.sha256 not in known]


def _pooled(samples: Sequence[_Sample]) -> _Sample:
    decoded = {quality: np.vstack([sample.decoded[quality] for sample in samples]) for quality in samples[0].decoded}
    return _Sample(name="pooled", raw=np.vstack([sample.raw for sample in samples]), decoded=decoded)


def _predict(
    sample: _Sample, rest: Sequence[Array], quality: int, step: Array, reconstruction: Reconstruction, seed: int
) -> list[Row]:
    raw, true = _density(sample.raw), _density(_quantized(sample, quality, step, reconstruction, seed))
    sources = {"same": sample.raw, "other": np.vstack(rest) if rest else None}
    rows = []
    for name, coefficients in sources.items():
        if coefficients is None:
            continue
        channel = quantization_channel(coefficients, step, reconstruction=reconstruction)
        populations = raw.copy()
        np.fill_diagonal(populations, np.diagonal(raw) * channel.population_gains)
        if np.trace(populations) > 0:
            model = channel.apply_conditioned(raw)
            rows.append(
                _row(sample.name, quality, reconstruction, name, raw, true, model, populations / np.trace(populations))
            )
    return rows


def _pooled_leave_one_out(
    pictures: Sequence[Picture], samples: dict[str, _Sample], quality: int, step: Array, seed: int
) -> list[Row]:
    """The pooled state predicted with every picture's α taken from the remaining pictures."""
    rows = []
    pool = _pooled([samples[picture.sha256] for picture in pictures])
    raw = _density(pool.raw)
    for reconstruction in RECONSTRUCTIONS:
        model, populations = np.zeros_like(raw), np.zeros_like(raw)
        for picture in pictures:
            own = samples[picture.sha256].raw
            rest = np.vstack([_raw(other, samples) for other in others(pictures, picture)])
            channel = quantization_channel(rest, step, reconstruction=reconstruction)
            moments = own.T @ own
            if channel.reconstruction == "dithered":
                # In absolute terms dither adds the same noise to every picture, whatever α is fitted on.
                noise = len(own) * np.diag(step**2 / 12)
                model += moments + noise
                populations += moments + noise
                continue
            model += channel.multiplier() * moments
            np.fill_diagonal(moments, np.diagonal(moments) * channel.population_gains)
            populations += moments
        true = _density(_quantized(pool, quality, step, reconstruction, seed))
        if np.trace(model) > 0:
            model, populations = model / np.trace(model), populations / np.trace(populations)
            rows.append(_row("pooled", quality, reconstruction, "other", raw, true, model, populations))
    return rows


def _quantized(sample: _Sample, quality: int, step: Array, reconstruction: Reconstruction, seed: int) -> Array:
    if reconstruction == "midpoint":
        return sample.decoded[quality]
    rng = np.random.default_rng(seed) if reconstruction == "dithered" else None
    return quantize(sample.raw, step, reconstruction=reconstruction, rng=rng)


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


def _density(coefficients: Array) -> Array:
    moments = coefficients.T @ coefficients
    trace = float(np.trace(moments))
    # A picture quantized to nothing is written as the maximally mixed state: no direction is left.
    return np.asarray(moments / trace if trace > 0 else np.eye(len(moments)) / len(moments))


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
        if same:
            text = f"{reconstruction.capitalize()} against {same[0].compared_with}: the channel leaves {_span(same, 'model_fraction')} of identity's trace distance"
            text += (
                f" with α from the same pictures, {_span(other, 'model_fraction')} with α from other pictures"
                if other
                else ""
            )
            text += f"; populations alone leave {_span(same, 'populations_only_fraction')}."
            sentences.append(text)
    centroid = [row for row in shown if row.reconstruction == "centroid" and row.alpha_from == "same"]
    gap = max(abs(row.entropy_true_bits - row.entropy_model_bits) for row in centroid)
    first, last = centroid[0], centroid[-1]
    sentences.append(
        f"Coarser steps purify: the entropy of centroid-quantized coefficients goes from {first.entropy_true_bits:.2f} bit at quality {first.quality} to "
        f"{last.entropy_true_bits:.2f} bit at {last.quality}; the channel says so to {gap:.4f} bit. Dephasing alone could only raise it."
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
                    f"{row.entropy_true_bits:.3f} / {row.entropy_model_bits:.3f}",
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
        "entropy true / model, bit",
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
        if ax is not axes[0] and ax.get_legend():
            ax.get_legend().remove()
    axes[0].set_ylim(0, 1.05)
    axes[1].annotate("identity", (0.98, 1.0), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    return figure
