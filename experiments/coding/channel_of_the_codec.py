"""Is the codec's quantization the channel that the theory predicts?

Luma, AC part of the 8×8 DCT (63×63). Our codec predicts blocks of four sizes, quantizes residuals in many class
eigenbases by distortion + λ · bits, and filters; the density matrix of the decoded picture that a model predicts is
compared by trace distance, as a fraction of "identity", the distance that coding moved the state at all. One channel in
the DCT basis, α_k = 1 − D_k / σ_k², is an approximation: α comes from the step alone, is measured, or is that of other
pictures. One channel per class in the class's own eigenbasis is what the codec does, to first order. White noise of the
same energy is the usual picture of quantization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from experiments._run import (
    Array,
    Figure,
    Panel,
    PictureParams,
    Table,
    Track,
    check,
    counted_pictures,
    curves,
    distinct,
    groups,
    legend_below,
    mean,
    name_identity,
    others,
    plain_log_axis,
    pooled_rows,
    select,
    subplots,
    sum_of,
    table_of,
    values,
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
        total = sum_of(own)
        rest = sum_of(coded_moments(one, step=step) for one in outside) if outside else None
        for stage in STAGES:
            predicted = [_by_others(moments, total, rest, stage) for moments in own]
            for (_, one), moments, model in zip(alive, own, predicted, strict=True):
                rows += _rows(one.name, step, stage, moments, {**modelled(moments, stage), OTHER: model})
            if not alone:
                rows += _rows("pooled", step, stage, total, {**modelled(total, stage), OTHER: sum_of(predicted)})
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
    """What the models leave of identity's trace distance, and what coding does to the entropy."""
    shown = pooled_rows(rows)
    if not shown:
        return ["No picture has AC energy, so coding moves nothing."]
    sentences = []
    for stage in STAGES:
        parts = [
            f"{model} {_span(values(select(shown, stage=stage, model=model), 'model_fraction'))}"
            for model in _models(shown)
        ]
        sentences.append(
            f"{stage.capitalize()}, what models leave of identity's trace distance over the steps: {', '.join(parts)}."
        )
    unfiltered = select(shown, stage=UNFILTERED)
    unexplained = sorted({row.model for row in unfiltered if row.model_fraction >= 1})
    if unexplained:
        sentences.append(f"At some step no better than “nothing happened”: {', '.join(unexplained)}.")
    if mean(unfiltered, "model_fraction", model=POPULATIONS) < mean(unfiltered, "model_fraction", model=ALPHA):
        sentences.append(
            "Before the filter untouched coherences come closer on the mean than the DCT channel's, which damps them: "
            "the codec does not quantize in that basis."
        )
    for step, own in sorted(groups(select(shown, stage=DECODED), "step").items()):
        row = own[0]
        sentences.append(
            f"At step {step:g} ({row.bits_per_pixel:.2f} bit per pixel) coding takes the entropy from "
            f"{row.entropy_raw_bits:.3f} to {row.entropy_true_bits:.3f} bit."
            f"{' White noise could only raise it.' if row.entropy_true_bits < row.entropy_raw_bits else ''}"
        )
    if len(distinct(rows, "image")) == 1:
        sentences.append("One picture only, so α of other pictures comes from two bundled ones.")
    return sentences


def _models(rows: Sequence[Row]) -> list[str]:
    return [model for model in MODELS if select(rows, model=model)]


def _span(fractions: Sequence[float]) -> str:
    finite = [f"{value:.2f}" for value in sorted(fractions) if np.isfinite(value)]
    return "–".join(dict.fromkeys((finite[0], finite[-1]))) if finite else "–"


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """What each model leaves of identity's trace distance, with the filter of the decoder and without."""
    return {"fractions": _fractions(rows)}


def _fractions(rows: Sequence[Row]) -> Table:
    """The pooled state: identity's trace distance, and what each model leaves of it."""
    pooled = sorted(pooled_rows(rows), key=lambda row: STAGES.index(row.stage))
    models = _models(pooled)
    return table_of(
        pooled,
        {
            "stage": "stage",
            "step": lambda own: f"{own[0].step:g}",
            "bits per pixel": "bits_per_pixel",
            "Y PSNR, dB": lambda own: own[0].psnr_db,
            "identity": "identity_distance",
            **{model: partial(_fraction, model=model) for model in models},
            "entropy raw, bit": "entropy_raw_bits",
            "entropy true, bit": "entropy_true_bits",
        },
        by=("stage", "step"),
        caption="Trace distance to the coded state as a fraction of identity's, "
        f"{counted_pictures(len({row.image for row in rows} - {'pooled'}))}",
        formats={"bits per pixel": ".2f", "Y PSNR, dB": ".2f", "identity": ".4f"}
        | dict.fromkeys(models, ".2f")
        | dict.fromkeys(("entropy raw, bit", "entropy true, bit"), ".3f"),
    )


def _fraction(rows: Sequence[Row], model: str) -> float:
    return mean(rows, "model_fraction", model=model)


def plot(rows: Sequence[Row]) -> Figure:
    """Fractions over the step, before the filter and behind it."""
    figure, axes = subplots(1, 2, figsize=(11, 4.4), layout="constrained", sharey=True)
    # Gains are in the table alone: lines are many.
    measured = [row for row in pooled_rows(rows) if row.model != GAINS and np.isfinite(row.model_fraction)]
    ordered = sorted(measured, key=lambda row: MODELS.index(row.model))
    for ax, stage in zip(axes, STAGES, strict=True):
        Panel(
            curves=curves(select(ordered, stage=stage), "step", "model_fraction", by="model"),
            x="luma step, code values",
            y="trace distance / identity's" if ax is axes[0] else "",
            title=stage,
            dashed=(1.0,),
            legend=False,
        ).draw(ax)
    if select(measured, stage=STAGES[0]):
        plain_log_axis(axes[0], "y")
    legend_below(figure)
    name_identity(axes[1])
    return figure
