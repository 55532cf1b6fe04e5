"""Can one auto-encoder serve all rates and all numbers of latents, and what does each loss and each order cost?

Rates: one model with a gain for each latent and rate, and the rate as an input, against specialists trained for one
rate each, with as many steps. Sizes: the number N of latents is an input, and latents beyond N are cut; the loss is
divided by N, or by the error of the KLT with N coefficients. An embedded model does not give N to the encoder, so that
every beginning of one stream decodes; it is also cut at every byte. Stages code one after the other what those before
have left. Bytes are the cross entropy of the quantized latents over the number of pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    LibraryDependent,
    Seconds,
    Table,
    Track,
    check,
    distinct,
    levels,
    mean,
    plain_log_axis,
    positive,
    select,
    subplots,
    table_of,
    whole,
)
from experiments.learned.digit_params import DigitParams, share_of
from experiments.tensor_trains.binary_pictures import Collection
from qimg.metrics import bd_rate
from qimg.report.plots import curve_styles

if TYPE_CHECKING:
    from experiments.learned.digit_autoencoders import Sizes

RATES, SIZES, BYTES = "rates", "sizes", "bytes"
KLT = "KLT, not quantized"
ONE, SPECIALIST = "one model", "specialists"
LITERAL, NORMALISED = "loss / N", "loss / error of the KLT"
EMBEDDED, STAGES = "embedded", "stages"


@dataclass(frozen=True, kw_only=True)
class Params(DigitParams):
    """Inputs of the experiment; `weights` are the rates of the specialists."""

    sizes: Counts = (1, 2, 4, 8, 16, 32)
    """Numbers of latents that are measured; those above `latents` are left out."""
    stages: Count = 4
    """Stages of equal numbers of latents."""
    weight: Annotated[float, positive] = 60.0
    """Bits that a unit of squared error, in units of 256², is worth, of the models of sizes."""
    width: Count = 256
    """Features of the hidden layers."""
    cut: Annotated[int, whole(0)] = 64
    """Test pictures whose streams are cut at each byte."""


TINY = Params(
    box_mean=4, patches=20, latents=4, sizes=(1, 4), stages=2, weights=(5.0, 60.0), width=8, training=3, batch=8, cut=2
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model at one rate or size."""

    image: str
    """The picture whose patches were used, or "mnist"."""
    part: str
    """What changes: "rates", "sizes", or "bytes" at which a stream is cut."""
    model: str
    size: int
    """Latents that the decoder is given; on average, rounded down, where streams are cut."""
    weight: float
    """Bits that a unit of squared error is worth; NaN for the KLT."""
    bytes: LibraryDependent
    """Of a picture; NaN for the KLT."""
    psnr_db: LibraryDependent
    """Of the squared error averaged over all test pictures."""
    train_seconds: Seconds
    """Processor time of the model's training."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every collection of pictures and model."""
    check(params)
    return [row for data in params.collections(track) for row in _rates(data, params) + _sizes(data, params)]


def _model_sizes(data: Collection, params: Params) -> "Sizes":
    from experiments.learned.digit_autoencoders import Sizes

    return Sizes(
        pixels=data.train[0].size,
        latents=params.latents,
        encoder=(params.width, params.width),
        decoder=(params.width, params.width),
    )


def _rates(data: Collection, params: Params) -> list[Row]:
    """One model for all rates, and specialists."""
    import torch

    from experiments.learned.digit_autoencoders import (
        AutoEncoder,
        columns,
        psnr_of,
        rate_loss,
        rounded,
        trained,
        trained_for_all_rates,
    )

    sizes, test = _model_sizes(data, params), columns(data.test[: params.tested])
    ends = min(params.weights), max(params.weights)

    def row(model: str, network: AutoEncoder, share: float, weight: float, seconds: float) -> Row:
        with torch.no_grad():
            rate = torch.full((test.shape[1],), share)
            conditions = rate[None][: network.encoder_conditions]
            codes = rounded(network.latents(test, conditions, rate))
            bits = float(network.lengths(codes, codes, rate).sum()) / test.shape[1]
            psnr = psnr_of(network.pixels(codes, conditions, rate), test)
        return Row(
            image=data.name,
            part=RATES,
            model=model,
            size=params.latents,
            weight=weight,
            bytes=bits / 8,
            psnr_db=psnr,
            train_seconds=seconds,
        )

    network, seconds = trained_for_all_rates(sizes, ends, data.train, params.schedule())
    rows = [row(ONE, network, share_of(weight, *ends), weight, seconds) for weight in params.weights]
    for weight in params.weights:

        def of_one(network: AutoEncoder, pixels: torch.Tensor, weight: float = weight) -> torch.Tensor:
            return rate_loss(network, pixels, torch.zeros(pixels.shape[1]), torch.tensor(weight))

        def build(weight: float = weight) -> AutoEncoder:
            return AutoEncoder(sizes, weights=(weight, weight))

        network, seconds = trained(build, of_one, data.train, params.schedule())
        rows.append(row(SPECIALIST, network, 0.0, weight, seconds))
    return rows


def _sizes(data: Collection, params: Params) -> list[Row]:
    """Models of many sizes."""
    from experiments.learned.sized_autoencoders import (
        cut_streams,
        sized,
        sized_results,
        staged,
        staged_results,
    )

    sizes = _model_sizes(data, params)
    measured = [size for size in params.sizes if size <= params.latents]
    test = data.test[: params.tested]
    weight, schedule = params.weight, params.schedule()
    klt = _klt(data.train, test, measured)
    found: list[tuple[str, str, int, float, float, float]] = [
        (SIZES, KLT, size, np.nan, psnr, 0.0) for size, psnr in klt.items()
    ]
    for model, literal, embedded in ((LITERAL, True, False), (NORMALISED, False, False), (EMBEDDED, False, True)):
        network, seconds = sized(
            sizes, data.train, literal=literal, embedded=embedded, weight=weight, schedule=schedule
        )
        results = sized_results(network, test, measured)
        found += [(SIZES, model, size, size_bytes, psnr, seconds) for size, size_bytes, psnr in results]
        if embedded and params.cut:
            cuts = cut_streams(network, test[: params.cut])
            found += [(BYTES, model, size, float(count), psnr, seconds) for size, count, psnr in cuts]
    if params.stages <= params.latents:
        stages, seconds = staged(sizes, data.train, count=params.stages, weight=weight, schedule=schedule)
        found += [
            (SIZES, STAGES, size, size_bytes, psnr, seconds) for size, size_bytes, psnr in staged_results(stages, test)
        ]
    return [
        Row(
            image=data.name,
            part=part,
            model=model,
            size=size,
            weight=np.nan if model == KLT else params.weight,
            bytes=size_bytes,
            psnr_db=psnr,
            train_seconds=seconds,
        )
        for part, model, size, size_bytes, psnr, seconds in found
    ]


def _klt(train: Array, test: Array, sizes: Sequence[int]) -> dict[int, float]:
    """PSNR of the KLT of training pictures with so many coefficients."""
    flat, own = (pictures.reshape(len(pictures), -1).astype(float) for pictures in (train, test))
    centre = flat.mean(axis=0)
    covariance = np.cov(flat, rowvar=False, bias=True).reshape(flat.shape[1], -1)
    basis = np.linalg.eigh(covariance)[1][:, ::-1]
    result = {}
    for size in sizes:
        part = basis[:, :size]
        output = np.clip(np.rint(centre + (own - centre) @ part @ part.T), 0, 255)
        error = ((output - own) ** 2).mean()
        result[size] = float(10 * np.log10(255**2 / error)) if error else float("inf")
    return result


def rate_difference(rows: Sequence[Row]) -> float:
    """Bjøntegaard rate of the one model against the specialists, in percent; NaN where curves cannot be compared."""
    curves = []
    for model in (SPECIALIST, ONE):
        own = select(rows, part=RATES, model=model)
        curves += [[row.bytes for row in own], [row.psnr_db for row in own]]
    try:
        return bd_rate(*curves)
    except ValueError:  # too few points, or a curve that does not increase
        return float("nan")


def findings(rows: Sequence[Row]) -> list[str]:
    """The cost of one model for all rates, PSNR at each size, and what cutting an embedded stream gives."""
    sentences = []
    for image in distinct(rows, "image"):
        own = select(rows, image=image)
        difference = rate_difference(own)
        if np.isfinite(difference):
            sentences.append(f"{image}: one model for all rates takes {difference:+.1f} % bytes of the specialists'.")
        for model in distinct(select(own, part=SIZES), "model"):
            some = select(own, part=SIZES, model=model)
            listed = ", ".join(f"{row.psnr_db:.1f} dB" for row in some)
            numbers = ", ".join(str(row.size) for row in some)
            sentences.append(f"{image}, {model}: {listed} at {numbers} latents.")
        cuts = select(own, part=BYTES)
        if cuts:
            listed = ", ".join(f"{row.psnr_db:.1f} dB" for row in cuts)
            counts = ", ".join(f"{row.bytes:.0f}" for row in cuts)
            sentences.append(f"{image}: embedded streams cut after {counts} bytes decode to {listed}.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    parts = {
        "rates": "One model for all rates and specialists",
        "sizes": "PSNR at numbers of latents",
        "bytes": "Embedded streams cut after bytes",
    }
    return {name: _table(select(rows, part=name), caption) for name, caption in parts.items()}


def _table(rows: Sequence[Row], caption: str) -> Table:
    return table_of(
        rows,
        {
            "pictures": "image",
            "model": "model",
            "latents": "size",
            "bits per squared error": "weight",
            "bytes": "bytes",
            "PSNR, dB": "psnr_db",
            "training, s": "train_seconds",
        },
        caption=f"{caption}; bytes of a picture",
        formats={"bits per squared error": "g", "bytes": ".2f", "PSNR, dB": ".2f", "training, s": ".0f"},
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR against bytes of the models of rates, and against latents of the models of sizes."""
    figure, panels = subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for ax, part, name in zip(panels, (RATES, SIZES), ("bytes", "size"), strict=True):
        own = select(rows, part=part)
        for model, style in zip(distinct(own, "model"), curve_styles(), strict=False):
            some = select(own, model=model)
            places = levels(some, "weight" if part == RATES else "size")
            points = [select(some, **{"weight" if part == RATES else "size": place}) for place in places]
            if model == KLT or part == SIZES:
                points = [select(some, size=place) for place in levels(some, "size")]
            ax.plot([mean(at, name) for at in points], [mean(at, "psnr_db") for at in points], label=model, **style)
        ax.set(xlabel="bytes of a picture" if part == RATES else "latents", ylabel="PSNR, dB")
        ax.legend(fontsize=8)
    panels[1].set_xscale("log")
    plain_log_axis(panels[1], "x")
    return figure
