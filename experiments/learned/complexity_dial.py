"""How much do decoders of half and of a quarter of the products lose, if they come from one training?

An auto-encoder of digits is trained for all rates. Its encoder and its context model then stay as they are, so that all
decoders decode the same files. The gates of the least important hidden features of the decoder decay linearly to zero
while it is trained further, and the features are cut out; the smaller decoder is reduced again in the same way (mask
decay; Wang et al., EVC, 2023). For comparison, the same features are cut out at once, and trained for as many steps as
one decay takes, or not at all. The base is the full decoder after as many further steps. Bytes are the cross entropy of
the quantized latents over the number of pictures.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from experiments._run import (
    Count,
    Figure,
    LibraryDependent,
    Seconds,
    Table,
    Track,
    check,
    each,
    finite_mean,
    groups,
    levels,
    mean,
    select,
    subplots,
    table_of,
    whole,
)
from experiments.learned.digit_params import DigitParams, share_of
from experiments.tensor_trains.binary_pictures import Collection
from qimg.metrics import bd_rate
from qimg.report.plots import curve_styles

BEFORE, FULL = "full, before", "full"
DECAYED, AT_ONCE, UNTRAINED = "gates decayed", "cut at once, trained", "cut at once"


@dataclass(frozen=True, kw_only=True)
class Params(DigitParams):
    """Inputs of the experiment."""

    encoder: Count = 256
    """Features of the hidden layers of the encoder."""
    decoders: Annotated[tuple[tuple[int, int], ...], each(each(whole(1)))] = ((256, 320), (192, 160), (96, 80))
    """Features of the two hidden layers of each decoder, from the largest."""
    further: Count = 2500
    """Steps of the training of each smaller decoder."""


TINY = Params(
    box_mean=4,
    patches=20,
    latents=4,
    encoder=8,
    decoders=((8, 8), (4, 6)),
    weights=(5.0, 60.0),
    training=3,
    further=3,
    batch=8,
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One decoder at one rate."""

    image: str
    """The picture whose patches were used, or "mnist"."""
    decoder: str
    """How it was made: "full, before" its further training, "full", "gates decayed", "cut at once, trained", or "cut at
    once"."""
    hidden: str
    """Features of its hidden layers."""
    products_per_pixel: float
    """Multiply-accumulates."""
    weight: float
    """Bits that a unit of squared error is worth."""
    bytes: LibraryDependent
    """Of a picture; the same for all decoders."""
    psnr_db: LibraryDependent
    """Of the squared error averaged over all test pictures."""
    train_seconds: Seconds
    """Processor time of the further training, or of the auto-encoder's."""
    decode_seconds: Seconds
    """Processor time of the decoder for all test pictures, without the decoding of latents; the least of three."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every collection of pictures and decoder."""
    check(params)
    return [row for data in params.collections(track) for row in _rows(data, params)]


def _rows(data: Collection, params: Params) -> list[Row]:
    import torch
    from torch import nn

    from experiments.learned.digit_autoencoders import (
        Sizes,
        columns,
        psnr_of,
        rounded,
        trained_for_all_rates,
    )
    from experiments.learned.gated_decoders import cut_at_once, reduced

    test, pixels = columns(data.test[: params.tested]), data.train[0].size
    ends = params.weights[0], params.weights[-1]
    sizes = Sizes(
        pixels=pixels,
        latents=params.latents,
        encoder=(params.encoder, params.encoder),
        decoder=params.decoders[0],
    )
    source, seconds = trained_for_all_rates(sizes, ends, data.train, params.schedule())
    codes = []
    with torch.no_grad():
        for weight in params.weights:
            rate = torch.full((test.shape[1],), share_of(weight, *ends))
            latents = rounded(source.latents(test, rate[None], rate))
            codes.append((rate, latents, float(source.lengths(latents, latents, rate).sum()) / 8 / test.shape[1]))

    def measured(name: str, decoder: nn.Sequential, seconds: float) -> list[Row]:
        widths = [len(layer.bias) for layer in decoder if isinstance(layer, nn.Linear)]
        products = sum(layer.weight.numel() for layer in decoder if isinstance(layer, nn.Linear))
        rows, whole = [], source.decoder
        source.decoder = decoder
        with torch.no_grad():
            for weight, (rate, latents, size) in zip(params.weights, codes, strict=True):
                times = []
                for _ in range(3):
                    start = time.process_time()
                    output = source.pixels(latents, rate[None], rate)
                    times.append(time.process_time() - start)
                rows.append(
                    Row(
                        image=data.name,
                        decoder=name,
                        hidden="–".join(map(str, widths[:-1])),
                        products_per_pixel=products / pixels,
                        weight=weight,
                        bytes=size,
                        psnr_db=psnr_of(output, test),
                        train_seconds=seconds,
                        decode_seconds=min(times),
                    )
                )
        source.decoder = whole
        return rows

    rows = measured(BEFORE, source.decoder, seconds)
    largest = smaller = source.decoder
    further = params.schedule(params.further)
    made, spent = reduced(source, largest, params.decoders[0], data.train, further, weights=ends, decayed=False)
    rows += measured(FULL, made, spent)
    for widths in params.decoders[1:]:
        rows += measured(UNTRAINED, cut_at_once(source, largest, widths), 0.0)
        for name, start in ((AT_ONCE, largest), (DECAYED, smaller)):
            made, spent = reduced(source, start, widths, data.train, further, weights=ends, decayed=name == DECAYED)
            rows += measured(name, made, spent)
            smaller = made
    return rows


def rate_differences(rows: Sequence[Row]) -> dict[tuple[str, str], float]:
    """Bjøntegaard rate in percent of each smaller decoder against the full one, by name and hidden features.

    Means over the collections of pictures; NaN where curves cannot be compared.
    """
    result: dict[tuple[str, str], list[float]] = {}
    for own in groups(rows, "image").values():
        full = select(own, decoder=FULL)
        for (name, hidden), some in groups(own, "decoder", "hidden").items():
            if name not in (FULL, BEFORE):
                result.setdefault((name, hidden), []).append(_difference(full, some))
    return {key: finite_mean(differences) for key, differences in result.items()}


def _difference(full: Sequence[Row], smaller: Sequence[Row]) -> float:
    curves = [[[row.bytes for row in own], [row.psnr_db for row in own]] for own in (full, smaller)]
    try:
        return bd_rate(*curves[0], *curves[1])
    except ValueError:  # too few points, or a curve that does not increase
        return float("nan")


def findings(rows: Sequence[Row]) -> list[str]:
    """What each smaller decoder costs in rate, and saves in products."""
    full = select(rows, decoder=FULL)[0]
    sentences = [f"The full decoder takes {full.products_per_pixel:.0f} multiply-accumulates per pixel."]
    for (name, hidden), difference in rate_differences(rows).items():
        own = select(rows, decoder=name, hidden=hidden)
        share = 100 * own[0].products_per_pixel / full.products_per_pixel
        loss = mean(own, "psnr_db") - mean(select(rows, decoder=FULL), "psnr_db")
        cost = f"{difference:+.1f} % bytes at equal PSNR, " if np.isfinite(difference) else ""
        sentences.append(f"{share:.0f} % of the products, {name}: {cost}{loss:+.2f} dB at equal bytes.")
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    differences = rate_differences(rows)
    full = select(rows, decoder=FULL)[0].products_per_pixel
    heading = "bytes at equal PSNR, %"
    return {
        "decoders": table_of(
            rows,
            {
                "decoder": "decoder",
                "hidden features": "hidden",
                "products per pixel": "products_per_pixel",
                "share, %": lambda own: 100 * own[0].products_per_pixel / full,
                heading: lambda own: differences.get((own[0].decoder, own[0].hidden), 0.0),
                "PSNR, dB": "psnr_db",
                "training, s": "train_seconds",
                "decoding, s": "decode_seconds",
            },
            by=("decoder", "hidden"),
            caption="Decoders of the same files; PSNR is the mean over the rates",
            formats={
                "products per pixel": ".0f",
                "share, %": ".0f",
                heading: "+.1f",
                "PSNR, dB": ".2f",
                "training, s": ".0f",
                "decoding, s": ".3f",
            },
        )
    }


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR against bytes of each decoder, means over the collections of pictures."""
    figure, ax = subplots(figsize=(7, 4.5), layout="constrained")
    for (name, hidden), style in zip(groups(rows, "decoder", "hidden"), curve_styles(), strict=False):
        if name in (UNTRAINED, BEFORE):
            continue
        own = select(rows, decoder=name, hidden=hidden)
        points = [select(own, weight=weight) for weight in levels(own, "weight")]
        ax.plot(
            [mean(at, "bytes") for at in points],
            [mean(at, "psnr_db") for at in points],
            label=f"{name}, {own[0].products_per_pixel:.0f} products per pixel",
            **style,
        )
    ax.set(xlabel="bytes of a picture", ylabel="PSNR, dB")
    ax.legend(fontsize=8)
    return figure
