"""What does a step of a raster-encoder cost, and what do groups of pixels and fewer tokens save?

Digits of a few levels of gray are coded pixel by pixel, each given a window of those before it. A decoder takes one
step after the other; what it does in a step it can do for all pictures of a pack at once. The wavefront has the same
bits in fewer steps, because pixels far enough apart in consecutive rows do not depend on each other. Other orders code
a quarter or half of the pixels at once, given those before, and cells of 2×2 pixels are coded as one token, in which
pixels are independent. All have networks of the same hidden layers and as many steps of training. In the order of the
raster, parameters of all pictures that are black so far are computed once in a step; the times without this are shown.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

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
    among,
    check,
    distinct,
    each,
    mean,
    plain_log_axis,
    require,
    select,
    subplots,
    table_of,
    timed,
    whole,
)
from experiments.learned.digit_params import DigitParams
from experiments.tensor_trains.binary_pictures import Collection
from qimg.entropy import range_coder
from qimg.entropy.distributions import Distribution, bits_of
from qimg.integer_networks.coding import ContextModel, Walk, decode_latents, latent_intervals
from qimg.integer_networks.contexts import ContextDesign
from qimg.report.plots import curve_styles

RASTER, WAVEFRONT, CELLS = "raster", "wavefront", "cells of 2×2"
ORDERS = (RASTER, WAVEFRONT, "quarters", "checkerboard", "dyadic", CELLS)
"""Orders of the pixels."""


@dataclass(frozen=True, kw_only=True)
class Params(DigitParams):
    """Inputs of the experiment."""

    orders: Annotated[tuple[str, ...], each(among(ORDERS))] = ORDERS
    """Orders of the pixels."""
    levels: Annotated[int, whole(2, 256)] = 4
    """Levels of gray."""
    reach: Count = 5
    """Radius of the window in pixels; in cells half of it."""
    hidden: Counts = (96, 64)
    """Features of the hidden layers."""
    tested: Count = 1000
    """Most test pictures."""
    training: Count = 3000
    batch: Count = 24


TINY = Params(box_mean=4, patches=8, orders=(RASTER, WAVEFRONT, CELLS), reach=2, hidden=(6,), training=3, batch=2)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One order of the pixels of a collection of pictures."""

    image: str
    """The picture whose patches were used, or "mnist"."""
    order: str
    steps: int
    """Of a decoder, one after the other."""
    products_per_pixel: float
    """Multiply-accumulates."""
    bytes: LibraryDependent
    """Of a picture, by the cross entropy."""
    train_seconds: Seconds
    """Processor time of the training; that of the raster for the wavefront, which has the same network."""
    one_seconds: Seconds
    """Of decoding a single picture; the least of three."""
    each_seconds: Seconds
    """Of decoding, for each picture of one pack; the least of three."""
    unshared_seconds: Seconds
    """The same without shared parameters; NaN in orders other than the raster."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """Rows of every collection of pictures and order."""
    check(params)
    return [row for data in params.collections(track) for row in _rows(data, params)]


def _rows(data: Collection, params: Params) -> list[Row]:
    from experiments.learned.context_training import trained_design

    rows, networks = [], {}
    for order in params.orders:
        train, test = (_levels(pictures, order, params.levels) for pictures in (data.train, data.test[: params.tested]))
        design = design_of(order, params, train.shape[1:3])
        network = RASTER if order == WAVEFRONT else order
        if network not in networks:
            trained, seconds = trained_design(
                design_of(network, params, train.shape[1:3]),
                list(np.moveaxis(train, -1, 0)),
                replace(params.schedule(), crop=train.shape[1]),
            )
            networks[network] = trained.export().contexts.networks, seconds
        model = ContextModel(design=design, networks=networks[network][0])
        rows.append(_row(data.name, order, model, test, networks[network][1]))
    return rows


def design_of(order: str, params: Params, grid: tuple[int, ...]) -> ContextDesign:
    """The context model of an order of pictures of so many rows and columns."""
    cells = order == CELLS
    return ContextDesign(
        distribution=Distribution(kind="categorical", size=params.levels),
        bands=(4,) if cells else (1,),
        orders=(RASTER if cells else order,),
        reach=-(-params.reach // 2) if cells else params.reach,
        magnitudes=False,
        positions=True,
        grid=(grid[0], grid[1]),
        hidden=params.hidden,
        bound=params.levels - 1,
        input_fraction=(params.levels - 1).bit_length(),
    )


def _levels(pictures: Array, order: str, count: int) -> Array:
    """Levels (1, H, W, n) int32 of pictures (n, H, W), or of their cells (4, H / 2, W / 2, n).

    Sides are made even by black pixels.
    """
    odd = [(0, side % 2) for side in pictures.shape[1:]]
    levels = (np.pad(pictures, [(0, 0), *odd]).astype(np.int32) * count // 256).transpose(1, 2, 0)
    height, width = levels.shape[:2]
    if order != CELLS:
        return np.ascontiguousarray(levels)[None]
    cells = levels.reshape(height // 2, 2, width // 2, 2, -1).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(cells.reshape(4, height // 2, width // 2, -1))


def _row(image: str, order: str, model: ContextModel, test: Array, seconds: float) -> Row:
    positions, count = test.shape[1] * test.shape[2], test.shape[3]
    one, pack = (latent_intervals(model, levels) for levels in (test[..., :1], test))
    return Row(
        image=image,
        order=order,
        steps=sum(1 for _ in Walk(model, (*test.shape[1:3], 1)).groups()),
        products_per_pixel=model.multiply_accumulates() * positions / test[..., 0].size,
        bytes=bits_of(pack[1]) / 8 / count,
        train_seconds=seconds,
        one_seconds=_decoding(model, one, test[..., :1]),
        each_seconds=_decoding(model, pack, test) / count,
        unshared_seconds=_decoding(model, pack, test, shared=False) / count if order == RASTER else np.nan,
    )


def _decoding(model: ContextModel, intervals: tuple[Array, Array], levels: Array, *, shared: bool = True) -> float:
    """Processor seconds of decoding a pack of the levels that these intervals code, the least of three."""
    words = range_coder.encode_intervals(*intervals)
    decode = partial(decode_latents, model, words=words, shape=levels.shape[1:], shared=shared)
    runs = [timed(decode, range_coder.start(words), clock=time.process_time) for _ in range(3)]
    require(all(np.array_equal(again, levels) for again, _ in runs), "levels", "must be decoded", "others")
    return min(seconds for _, seconds in runs)


def findings(rows: Sequence[Row]) -> list[str]:
    """Steps, bytes and times of each order against the raster."""
    base = select(rows, order=RASTER) or rows[:1]
    sentences = []
    for order in distinct(rows, "order"):
        own = select(rows, order=order)
        excess = 100 * (mean(own, "bytes") / mean(base, "bytes") - 1)
        sentences.append(
            f"{order}: {own[0].steps} steps, {excess:+.1f} % bytes, {1000 * mean(own, 'one_seconds'):.1f} ms for one "
            f"picture, {1000 * mean(own, 'each_seconds'):.2f} ms for each of a pack."
        )
    if (shared := mean(base, "unshared_seconds")) > 0:
        saved = 100 * (1 - mean(base, "each_seconds") / shared)
        sentences.append(
            f"Shared parameters of pictures that are black so far save {saved:.0f} % of the time of a pack."
        )
    return sentences


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    base = select(rows, order=RASTER) or rows[:1]
    return {
        "orders": table_of(
            rows,
            {
                "order": "order",
                "steps": lambda own: own[0].steps,
                "bytes": "bytes",
                "against the raster, %": lambda own: 100 * (mean(own, "bytes") / mean(base, "bytes") - 1),
                "products per pixel": "products_per_pixel",
                "one picture, ms": lambda own: 1000 * mean(own, "one_seconds"),
                "each of a pack, ms": lambda own: 1000 * mean(own, "each_seconds"),
                "without sharing, ms": lambda own: 1000 * mean(own, "unshared_seconds"),
                "training, s": "train_seconds",
            },
            by=("order",),
            caption="Orders of the pixels; bytes of a picture, and times of decoding on one core",
            formats={
                "bytes": ".2f",
                "against the raster, %": "+.1f",
                "products per pixel": ".0f",
                "one picture, ms": ".1f",
                "each of a pack, ms": ".3f",
                "without sharing, ms": ".3f",
                "training, s": ".0f",
            },
        )
    }


def plot(rows: Sequence[Row]) -> Figure:
    """Bytes against the time of decoding one picture, and each of a pack."""
    figure, panels = subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    for ax, name, label in zip(panels, ("one_seconds", "each_seconds"), ("one picture", "each of a pack"), strict=True):
        for order, style in zip(distinct(rows, "order"), curve_styles(), strict=False):
            own = select(rows, order=order)
            ax.plot([1000 * mean(own, name)], [mean(own, "bytes")], label=order, **{**style, "marker": "o"})
        ax.set(xlabel=f"decoding of {label}, ms", xscale="log")
        plain_log_axis(ax, "x")
    panels[0].set(ylabel="bytes of a picture")
    panels[0].legend(fontsize=8)
    return figure
