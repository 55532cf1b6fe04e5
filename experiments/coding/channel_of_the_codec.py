"""Is the codec's quantization the channel that the theory predicts?

Luma, AC part of the 8×8 DCT (63×63). Our codec predicts blocks of four sizes, quantizes residuals in many class
eigenbases by distortion + λ · bits, and filters; what a model says of the density matrix of the decoded picture is
compared by trace distance, as a fraction of "identity", the distance that coding moved the state at all. One channel in
the DCT basis, α_k = 1 − D_k / σ_k², is an approximation: α comes from the step alone, is measured, or is that of other
pictures. One channel per class in the class's own eigenbasis is what the codec does, to first order. White noise of the
same energy is the usual picture of quantization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from experiments._run import (
    Figure,
    PictureParams,
    Table,
    Track,
    check,
    finite_mean,
    others,
    plain_log_axis,
    plot_curves,
    subplots,
    zero_line,
)
from experiments.coding.codec_variants import Steps
from experiments.coding.coded_states import (
    ALPHA,
    DECODED,
    EXPECTED,
    GAINS,
    MEASURED,
    OF_STEP,
    POPULATIONS,
    STAGES,
    UNFILTERED,
    WHITE,
    CodedMoments,
    channel_of,
    coded_moments,
    gains_of,
    modelled,
)
from experiments.operators.quantized_states import density, lost, sample
from qimg import metrics
from qimg.core.arguments import Array
from qimg.operators import von_neumann_entropy

OTHER = "DCT, α of other pictures"
MODELS = (OF_STEP, ALPHA, OTHER, GAINS, POPULATIONS, MEASURED, EXPECTED, WHITE)
"""In the order in which they are shown."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    steps: Steps = (8, 16, 32, 64)
    """Luma steps in code values, 0.25 to 1000."""


TINY = Params(box_mean=4, steps=(32,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One prediction of a coded picture's density matrix."""

    image: str
    """A picture's name, or "pooled"."""
    step: float
    stage: str
    """"before the filter", or "decoded": behind it."""
    model: str
    bits_per_pixel: float
    """Of the payload; luma alone."""
    psnr_db: float
    """Of decoded luma."""
    identity_distance: float
    """Trace distance between the density matrices before and after."""
    model_fraction: float
    """Trace distance between model and truth, as a fraction of `identity_distance`."""
    entropy_raw_bits: float
    entropy_true_bits: float
    entropy_model_bits: float
    """NaN where the model is no density matrix: untouched coherences over shrunk populations need not be positive."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows for every picture and for all pooled; with one picture, for it alone."""
    check(params)
    pictures = params.gather().pictures
    samples = [(picture, sample(picture)) for picture in pictures]
    alive = [(picture, one) for picture, one in samples if one.raw().any()]
    if not alive:
        return []
    alone = len(alive) == 1
    outside = [sample(picture) for picture in others([alive[0][0]], alive[0][0])[:2]] if alone else []
    rows: list[Row] = []
    for step in track(params.steps):
        own = [coded_moments(one, step=step) for _, one in track(alive)]
        total = reduce(add, own)
        rest = reduce(add, (coded_moments(one, step=step) for one in outside)) if outside else None
        for stage in STAGES:
            predicted = [_by_others(moments, total, rest, stage) for moments in own]
            for (_, one), moments, model in zip(alive, own, predicted, strict=True):
                rows += _rows(one.name, step, stage, moments, {**modelled(moments, stage), OTHER: model})
            if not alone:
                rows += _rows("pooled", step, stage, total, {**modelled(total, stage), OTHER: reduce(add, predicted)})
    return rows


def _by_others(own: CodedMoments, total: CodedMoments, rest: CodedMoments | None, stage: str) -> Array:
    """A picture's moments after the channel whose α all other pictures give together."""
    distortion, energy = (
        (total.distortion(stage) - own.distortion(stage), np.diagonal(total.raw) - np.diagonal(own.raw))
        if rest is None
        else (rest.distortion(stage), np.diagonal(rest.raw))
    )
    return np.asarray(own.raw * channel_of(gains_of(distortion, energy)).multiplier())


def _rows(name: str, step: float, stage: str, moments: CodedMoments, models: dict[str, Array]) -> list[Row]:
    """A row for each model that leaves any energy."""
    raw = density(moments.raw)
    true = moments.true[stage]
    truth = density(np.zeros_like(raw) if lost(true, moments.raw) else true)
    identity = float(metrics.trace_distance(raw, truth))
    scale = identity if identity > 0 else float("nan")
    mean = moments.squared_error / moments.pixels
    rows = []
    for model in MODELS:
        matrix = models[model]
        if lost(matrix, moments.raw):
            continue
        rho = density(matrix)
        positive = float(np.linalg.eigvalsh(rho)[0]) >= -1e-12
        rows.append(
            Row(
                image=name,
                step=float(step),
                stage=stage,
                model=model,
                bits_per_pixel=8 * moments.bytes / moments.pixels,
                psnr_db=10 * float(np.log10(255**2 / mean)) if mean > 0 else float("inf"),
                identity_distance=identity,
                model_fraction=float(metrics.trace_distance(rho, truth)) / scale,
                entropy_raw_bits=float(von_neumann_entropy(raw)),
                entropy_true_bits=float(von_neumann_entropy(truth)),
                entropy_model_bits=float(von_neumann_entropy(rho)) if positive else float("nan"),
            )
        )
    return rows


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    shown = _summary(rows)
    if not shown:
        return ["No picture has AC energy, so coding moves nothing."]
    sentences = []
    for stage in STAGES:
        parts = [
            f"{model} {_span([row.model_fraction for row in shown if (row.stage, row.model) == (stage, model)])}"
            for model in MODELS
            if any(row.model == model for row in shown)
        ]
        sentences.append(
            f"{stage.capitalize()}, what models leave of identity's trace distance over the steps: {', '.join(parts)}."
        )
    unexplained = sorted({row.model for row in shown if row.stage == UNFILTERED and row.model_fraction >= 1})
    if unexplained:
        sentences.append(f"At some step no better than “nothing happened”: {', '.join(unexplained)}.")
    if finite_mean(_fractions(shown, POPULATIONS)) < finite_mean(_fractions(shown, ALPHA)):
        sentences.append(
            "Before the filter untouched coherences come closer on the mean than the DCT channel's, which damps them: "
            "the codec does not quantize in that basis."
        )
    for step in sorted({row.step for row in shown}):
        row = next(row for row in shown if row.step == step and row.stage == DECODED)
        text = (
            f"At step {step:g} ({row.bits_per_pixel:.2f} bit per pixel) coding takes the entropy from "
            f"{row.entropy_raw_bits:.3f} to {row.entropy_true_bits:.3f} bit."
        )
        if row.entropy_true_bits < row.entropy_raw_bits:
            text += " White noise could only raise it."
        sentences.append(text)
    if len({row.image for row in rows}) == 1:
        sentences.append("One picture only, so α of other pictures comes from two bundled ones.")
    return sentences


def _fractions(rows: Sequence[Row], model: str) -> list[float]:
    return [row.model_fraction for row in rows if (row.stage, row.model) == (UNFILTERED, model)]


def _summary(rows: Sequence[Row]) -> list[Row]:
    pooled = [row for row in rows if row.image == "pooled"]
    return pooled or list(rows)


def _span(values: Sequence[float]) -> str:
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return "–"
    low, high = f"{min(finite):.2f}", f"{max(finite):.2f}"
    return low if low == high else f"{low}–{high}"


def table(rows: Sequence[Row]) -> Table:
    """The pooled state: identity's trace distance, and what each model leaves of it."""
    shown = _summary(rows)
    models = [model for model in MODELS if any(row.model == model for row in shown)]
    body: list[list[str | float]] = []
    for stage in STAGES:
        for step in dict.fromkeys(row.step for row in shown):
            chosen = {row.model: row for row in shown if (row.stage, row.step) == (stage, step)}
            if not chosen:
                continue
            row = next(iter(chosen.values()))
            fractions = [chosen[model].model_fraction if model in chosen else float("nan") for model in models]
            body.append(
                [stage, step, row.bits_per_pixel, row.psnr_db, row.identity_distance, *fractions, row.entropy_true_bits]
            )
    columns = ["stage", "step", "bit/pixel", "Y PSNR, dB", "identity", *models, "entropy true, bit"]
    pictures = len({row.image for row in rows} - {"pooled"})
    caption = f"Trace distance to the coded state as a fraction of identity's, {pictures} picture(s)"
    return Table(columns=columns, rows=body, caption=caption)


def plot(rows: Sequence[Row]) -> Figure:
    """Fractions over the step, before the filter and behind it."""
    shown = _summary(rows)
    figure, axes = subplots(1, 2, figsize=(11, 4.4), layout="constrained", sharey=True)
    for ax, stage in zip(axes, STAGES, strict=True):
        curves = {}
        for model in (one for one in MODELS if one != GAINS):  # in the table alone: lines are many
            points = sorted(
                (row.step, row.model_fraction)
                for row in shown
                if (row.stage, row.model) == (stage, model) and np.isfinite(row.model_fraction)
            )
            if points:
                curves[model] = tuple(zip(*points, strict=True))
        zero_line(ax, 1.0)
        if curves:
            label = "trace distance / identity's" if ax is axes[0] else ""
            plot_curves(curves, x_label="luma step, code values", y_label=label, ax=ax)
        else:
            ax.set_xlabel("luma step, code values")
        ax.set_title(stage)
        if ax.get_legend():
            ax.get_legend().remove()
    if axes[0].get_lines()[1:]:
        plain_log_axis(axes[0], "y")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    axes[1].annotate("identity", (0.98, 1.0), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
    return figure
