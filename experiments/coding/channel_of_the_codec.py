"""Is the codec's quantization the channel that the theory predicts?

Luma, AC part of the 8×8 DCT (63×63). The codec predicts blocks of four sizes, quantizes residuals in many class
eigenbases by distortion + λ · bits, and filters. Each model predicts the density matrix of the decoded picture; the
measure is its trace distance to the true density matrix, as a fraction of "identity", the trace distance between the
density matrices before and after coding. One channel in the DCT basis, α_k = 1 − D_k / σ_k², is an approximation: α
follows from the step, is measured on the picture, or is measured on other pictures. One channel per class in the
eigenbasis of the class describes the codec to first order. White noise of the same energy is the usual model of
quantization.
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
"""The models in the order of tables and figures."""


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    steps: Steps = (8, 16, 32, 64)
    """Luma steps in code values, 0.25 to 1000."""


TINY = Params(box_mean=4, steps=(32,))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model of a coded picture's density matrix."""

    image: str
    """Name of a picture, or "pooled" for all pictures together."""
    step: float
    stage: str
    """"before the filter", or "decoded", after the filter."""
    model: str
    bits_per_pixel: float
    """Of the payload, which codes luma only."""
    psnr_db: float
    """Of decoded luma."""
    identity_distance: float
    """Trace distance between the density matrices before and after coding."""
    model_fraction: float
    """Trace distance between the model and the coded state, as a fraction of `identity_distance`."""
    entropy_raw_bits: float
    entropy_true_bits: float
    entropy_model_bits: float
    """NaN if the model is not positive, as may happen with unchanged coherences and damped populations."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows for every picture and for all pictures pooled; a single picture has no pooled rows."""
    check(params)
    pictures = params.gather().pictures
    samples = [(picture, sample(picture)) for picture in pictures]
    usable = [(picture, one) for picture, one in samples if one.raw().any()]
    if not usable:
        return []
    single = len(usable) == 1
    outside = [sample(picture) for picture in others([usable[0][0]], usable[0][0])[:2]] if single else []
    rows: list[Row] = []
    for step in track(params.steps):
        by_picture = [coded_moments(one, step=step) for _, one in track(usable)]
        total = sum_of(by_picture)
        substitute = sum_of(coded_moments(one, step=step) for one in outside) if outside else None
        for stage in STAGES:
            predicted = [_by_others(moments, total, substitute, stage) for moments in by_picture]
            for (_, one), moments, model in zip(usable, by_picture, predicted, strict=True):
                rows += _rows(one.name, step, stage, moments, {**modelled(moments, stage), OTHER: model})
            if not single:
                rows += _rows("pooled", step, stage, total, {**modelled(total, stage), OTHER: sum_of(predicted)})
    return rows


def _by_others(moments: CodedMoments, total: CodedMoments, substitute: CodedMoments | None, stage: str) -> Array:
    """A picture's moments after the channel whose α is measured on all other pictures, or on `substitute`."""
    distortion, energy = (
        (total.distortion(stage) - moments.distortion(stage), np.diagonal(total.raw) - np.diagonal(moments.raw))
        if substitute is None
        else (substitute.distortion(stage), np.diagonal(substitute.raw))
    )
    return np.asarray(moments.raw * channel_of(gains_of(distortion, energy)).multiplier())


def _rows(name: str, step: float, stage: str, moments: CodedMoments, models: dict[str, Array]) -> list[Row]:
    """A row for each model whose state has energy."""
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
    """Trace distance of the models as a fraction of identity's, and the change of entropy by coding."""
    pooled = pooled_rows(rows)
    if not pooled:
        return ["No picture has AC energy, so coding changes no state."]
    sentences = []
    for stage in STAGES:
        parts = [
            f"{model} {_span(values(select(pooled, stage=stage, model=model), 'model_fraction'))}"
            for model in _models(pooled)
        ]
        sentences.append(
            f"{stage.capitalize()}, trace distance of the models as a fraction of identity's over the steps: "
            f"{', '.join(parts)}."
        )
    unfiltered = select(pooled, stage=UNFILTERED)
    unexplained = sorted({row.model for row in unfiltered if row.model_fraction >= 1})
    if unexplained:
        sentences.append(f"At some step no better than identity: {', '.join(unexplained)}.")
    if mean(unfiltered, "model_fraction", model=POPULATIONS) < mean(unfiltered, "model_fraction", model=ALPHA):
        sentences.append(
            "Before the filter, unchanged coherences are closer on average than those of the DCT channel, which damps "
            "them, because the codec does not quantize in that basis."
        )
    for step, own in sorted(groups(select(pooled, stage=DECODED), "step").items()):
        row = own[0]
        sentences.append(
            f"At step {step:g} ({row.bits_per_pixel:.2f} bit per pixel) coding changes the entropy from "
            f"{row.entropy_raw_bits:.3f} to {row.entropy_true_bits:.3f} bit."
            f"{' White noise can only increase it.' if row.entropy_true_bits < row.entropy_raw_bits else ''}"
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
    """Trace distance of each model as a fraction of identity's, before and after the filter of the decoder."""
    return {"fractions": _fractions(rows)}


def _fractions(rows: Sequence[Row]) -> Table:
    """For the pooled state: identity's trace distance, and that of each model as a fraction of it."""
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
    # The figure omits the model of gains, which is in the table, to limit the number of lines.
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
