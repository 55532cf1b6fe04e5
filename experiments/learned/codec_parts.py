"""What does each part of a codec bring: the transform, the quantizer, and the entropy model?

Codecs of luma are put together from one of each, trained alike at one slope of rate and distortion, and evaluated on
other pictures. Bases and networks have the same quantizers, contexts and distributions, so that a difference belongs to
the part that changes. Costs are Lagrangian: bits per pixel + weight · mean squared error. A difference of costs is, to
first order, the difference of rates at equal error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Count,
    Figure,
    LibraryDependent,
    Seconds,
    Seed,
    Table,
    Track,
    among,
    check,
    count_pictures,
    distinct,
    each,
    mean,
    positive,
    select,
    subplots,
    table_of,
)
from experiments.learned.entropy_models import MODELS, DividedParams, divided
from experiments.learned.short_trainings import short_schedule
from qimg.learning.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Params(DividedParams):
    """Inputs of the experiment."""

    transforms: Annotated[tuple[str, ...], each(among(("DCT", "KLT of the prior", "dense", "convolutional")))] = (
        "DCT",
        "KLT of the prior",
        "dense",
        "convolutional",
    )
    """Transforms."""
    models: Annotated[tuple[str, ...], each(among(MODELS))] = (
        "none, Laplace",
        "side, Laplace",
        "coefficients, Laplace",
        "coefficients, mixture of 3",
        "both, mixture of 3",
    )
    """Entropy models, with rounding."""
    dithered: Annotated[tuple[str, ...], each(among(MODELS), empty=True)] = ("coefficients, Laplace",)
    """Entropy models that are also trained with subtractive dither."""
    step: Annotated[float, positive] = 20.0
    """Quantization step at the start in code values; the weight of the squared error is 6 over its square."""
    training: Count = 500
    """Steps of the training of each combination."""
    batch: Count = 8
    """Crops of a step of the training."""
    crop: Count = 12
    """Blocks on a side of a crop."""
    rate: Annotated[float, positive] = 4e-3
    """Highest learning rate."""
    hidden: Count = 64
    """Features of the hidden layers of entropy models."""
    seed: Seed = 0
    """Seed of weights, crops and dither."""

    def schedule(self) -> Schedule:
        """Parameters of the steps of a training."""
        return short_schedule(
            steps=self.training, batch=self.batch, rate=self.rate, seed=self.seed, crop=self.crop, averaging=0.98
        )

    @property
    def weight(self) -> float:
        """Bits per pixel that a unit of mean squared error is worth; 6 / step² is near the slope of uniform steps."""
        return 6 / self.step**2


TINY = Params(
    box_mean=6,
    transforms=("DCT", "convolutional"),
    models=("none, Laplace",),
    dithered=("none, Laplace",),
    training=4,
    batch=2,
    crop=3,
    hidden=8,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture by one combination."""

    image: str
    transform: str
    quantizer: str
    model: str
    """Context and distribution."""
    bytes: LibraryDependent
    """Of the coded latents; NaN with dither, whose files are not written."""
    ideal_bits: LibraryDependent
    bits_per_pixel: LibraryDependent
    """Of the ideal bits and of whole blocks, so that both quantizers are compared alike."""
    psnr_db: LibraryDependent
    cost: LibraryDependent
    """Bits per pixel + weight · mean squared error."""
    weights: int
    """Trained numbers."""
    products_per_pixel: float
    """Multiply-accumulates of decoding."""
    train_seconds: Seconds
    """Processor time of the training for all pictures."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of all combinations and pictures."""
    from experiments.learned.context_models import KINDS
    from experiments.learned.part_training import DITHER, ROUNDING, Parts, measured, trained, whole_blocks

    check(params)
    combinations = [
        Parts(transform=transform, quantizer=quantizer, entropy=KINDS[model])
        for transform in params.transforms
        for quantizer, models in ((ROUNDING, params.models), (DITHER, params.dithered))
        for model in models
    ]
    jobs = [(own, fit, parts) for own, fit in divided(params) for parts in combinations]
    rows = []
    for own, fit, parts in track(jobs):
        codec, seconds = trained(
            parts,
            [whole_blocks(picture.luma()) for picture in fit],
            params.schedule(),
            step=params.step,
            weight=params.weight,
            hidden=params.hidden,
        )
        coder = codec.entropy.export()
        for picture in own:
            luma = whole_blocks(picture.luma())
            result = measured(codec, coder, luma, params.seed)
            rate = result.ideal_bits / luma.size
            rows.append(
                Row(
                    image=picture.name,
                    transform=parts.transform,
                    quantizer=parts.quantizer,
                    model=parts.entropy.name,
                    bytes=result.bytes,
                    ideal_bits=result.ideal_bits,
                    bits_per_pixel=rate,
                    psnr_db=10 * float(np.log10(255**2 / max(result.mean_squared_error, 1e-9))),
                    cost=rate + params.weight * result.mean_squared_error,
                    weights=sum(value.numel() for value in codec.parameters() if value.requires_grad),
                    products_per_pixel=codec.transform.products_per_pixel + coder.multiply_accumulates() / 64,
                    train_seconds=seconds,
                )
            )
    order = {picture.name: number for number, picture in enumerate(params.gather().pictures)}
    return sorted(rows, key=lambda row: order[row.image])


def gain(rows: Sequence[Row], base: Sequence[Row]) -> float:
    """Percent of the rate of `base` by which the costs of rows differ from its costs."""
    return 100 * (mean(rows, "cost") - mean(base, "cost")) / mean(base, "bits_per_pixel")


def _base(rows: Sequence[Row]) -> list[Row]:
    return select(rows, transform=rows[0].transform, quantizer=rows[0].quantizer, model=rows[0].model)


def findings(rows: Sequence[Row]) -> list[str]:
    """What the first combination gains by a change of each part alone."""
    base = _base(rows)
    first = base[0]
    sentences = [f"The base is {first.transform}, {first.quantizer}, {first.model}."]
    for name, fixed in (
        ("transform", {"quantizer": first.quantizer, "model": first.model}),
        ("model", {"transform": first.transform, "quantizer": first.quantizer}),
    ):
        changed = [
            f"{value} {gain(select(rows, **fixed, **{name: value}), base):+.1f} %"
            for value in distinct(select(rows, **fixed), name)
            if value != getattr(first, name)
        ]
        if changed:
            sentences.append(f"Rate at equal error after a change of the {name} alone: {', '.join(changed)}.")
    quantizers: list[str] = distinct(rows, "quantizer")
    for other in quantizers[1:]:
        for model in distinct(select(rows, quantizer=other), "model"):
            pairs = [
                f"{transform} {gain(own, plain):+.1f} %"
                for transform in distinct(rows, "transform")
                if (own := select(rows, transform=transform, quantizer=other, model=model))
                and (plain := select(rows, transform=transform, quantizer=first.quantizer, model=model))
            ]
            if pairs:
                what = f"Rate at equal error with {other} against {first.quantizer}, {model}"
                sentences.append(f"{what}: {', '.join(pairs)}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"grid": grid(rows), "costs": costs(rows)}


def grid(rows: Sequence[Row]) -> Table:
    """Rate at equal error against the base, transforms by quantizer and entropy model."""
    base = _base(rows)
    names = distinct(rows, "transform")
    body = [
        [quantizer, model, *(gain(own, base) if (own := select(some, transform=name)) else None for name in names)]
        for quantizer in distinct(rows, "quantizer")
        for model in distinct(rows, "model")
        if (some := select(rows, quantizer=quantizer, model=model))
    ]
    return Table(
        columns=["quantizer", "entropy model", *names],
        rows=body,
        caption=f"Rate at equal error against {base[0].transform}, {base[0].quantizer}, {base[0].model}, in percent, "
        f"{count_pictures(rows)}",
        formats=dict.fromkeys(names, "+.1f"),
    )


def costs(rows: Sequence[Row]) -> Table:
    """Rate, error and size of each combination."""
    return table_of(
        rows,
        {
            "transform": "transform",
            "quantizer": "quantizer",
            "entropy model": "model",
            "bits per pixel": "bits_per_pixel",
            "PSNR, dB": "psnr_db",
            "file over ideal, %": lambda own: 100 * (8 * mean(own, "bytes") / mean(own, "ideal_bits") - 1),
            "weights": lambda own: own[0].weights,
            "products per pixel": "products_per_pixel",
            "training, s": "train_seconds",
        },
        by=("transform", "quantizer", "model"),
        caption=f"Means over {count_pictures(rows)}; seconds on one core, of training for all pictures",
        formats={
            "bits per pixel": ".3f",
            "PSNR, dB": ".2f",
            "file over ideal, %": "+.3f",
            "weights": "_d",
            "products per pixel": ".0f",
            "training, s": ".0f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """Rate at equal error against the base: groups of entropy models, one bar for each transform."""
    base = _base(rows)
    kinds = [
        (quantizer, model)
        for quantizer in distinct(rows, "quantizer")
        for model in distinct(rows, "model")
        if select(rows, quantizer=quantizer, model=model)
    ]
    names = distinct(rows, "transform")
    figure, ax = subplots(figsize=(9, 4.5), layout="constrained")
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        heights = [
            gain(own, base) if (own := select(rows, transform=name, quantizer=quantizer, model=model)) else 0.0
            for quantizer, model in kinds
        ]
        places = np.arange(len(kinds)) + (number - (len(names) - 1) / 2) * width
        ax.bar(places, heights, width, label=name)
    parts = [model.split(", ") + [quantizer] * (quantizer != "rounding") for quantizer, model in kinds]
    labels = ["\n".join(words) for words in parts]
    ax.set_xticks(range(len(kinds)), labels, fontsize=8)
    ax.set(xlabel="entropy model", ylabel="rate at equal error, %")
    ax.axhline(0, color="0.5", linewidth=0.8)
    ax.set_title(count_pictures(rows), fontsize="medium")
    ax.legend(fontsize=8)
    return figure
