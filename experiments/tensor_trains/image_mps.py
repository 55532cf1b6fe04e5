"""How well does a tensor train keep a picture, next to a KLT, block DCTs and JPEG?

Luma as a matrix-product state over the bits of its pixels' index, in three orders: with one bond at every cut, and with
the same count of numbers divided among the cuts and fitted. Beside them stand bases of 8×8 patches and JPEG at no more
numbers, and JPEG at no more bits than the train's cores take when they are rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np

from experiments._run import (
    Array,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Table,
    among,
    comparable,
    curve,
    distinct,
    each,
    groups,
    mean,
    per_picture,
    pictures_counted,
    plain_log_axis,
    select,
    subplots,
    table_of,
    values,
    whole,
)
from experiments.tensor_trains.few_numbers import OTHERS, Jpeg, jpegs, others
from experiments.tensor_trains.quantized_trains import quantize
from qimg import metrics, tensor_train

PLAIN, SHARED = "one bond", "shared"


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    orders: Annotated[tuple[str, ...], each(among(tensor_train.ORDERS))] = ("row_major", "morton", "quadtree")
    """Orders of `qimg.tensor_train.layout`."""
    bonds: Counts = (8, 16, 32, 64)
    """Bonds of the plain trains; each sets the count of numbers that all others are given."""
    refinements: Annotated[int, whole(0)] = 2
    """Sweeps that fit the shared trains."""
    fillings: Annotated[int, whole(0)] = 1
    """Rounds of filling what is padded."""
    quantization_loss_db: float = 1.0
    """PSNR that rounding of the cores may cost where bits are counted."""


TINY = Params(box_mean=8, bonds=(4, 8), refinements=1, orders=("morton", "quadtree"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, one model, at one count of numbers."""

    image: str
    model: str
    """"one bond" or "shared" for trains, or one of `OTHERS`."""
    order: str
    """Of a train; empty otherwise."""
    bond: int
    """Bond that sets the budget."""
    budget: int
    """Numbers of the plain train in Morton order at this bond."""
    parameters: int
    """Numbers stored."""
    degrees_of_freedom: int
    """Of a train: numbers less the gauge; the same as `parameters` otherwise."""
    psnr_db: float
    entropy_bits: float = float("nan")
    """Of a train: largest entanglement entropy over its cuts; NaN otherwise."""
    ideal_bits_per_pixel: float = float("nan")
    """Of a train: adaptive code of its rounded cores, not a file; NaN otherwise."""
    rounded_psnr_db: float = float("nan")
    """PSNR of the train with rounded cores."""
    jpeg_bits_per_pixel: float = float("nan")
    """The largest JPEG file of no more bits, NaN where there is none."""
    jpeg_psnr_db: float = float("nan")


EXACT = 1e-24
"""Relative squared error that rounding alone explains: such a picture is kept exactly, its PSNR infinite."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per model, order and bond; a picture of one pixel and a black one have no train."""
    plane = picture.luma()
    if plane.size < 2 or not plane.any():
        return []
    files = jpegs(plane)
    train_of = partial(tensor_train.picture_train, plane, fillings=params.fillings)
    rows: list[Row] = []
    for bond in params.bonds:
        budget = train_of(order="morton", bond=bond).parameters
        row = partial(_row, plane, image=picture.name, bond=bond, budget=budget)
        for order in params.orders:
            plain = train_of(order=order, bond=bond)
            numbers = max(budget, sum(plain.train.dims))
            shared = train_of(order=order, parameters=numbers, refinements=params.refinements)
            for model, train in ((PLAIN, plain), (SHARED, shared)):
                rows.append(row(train.picture(), model=model, order=order, **_of_train(train, plane, files, params)))
        for model, (count, shown) in others(plane, budget, files).items():
            rows.append(row(shown, model=model, order="", parameters=count, degrees_of_freedom=count))
    return rows


run = per_picture(rows_of)


def _row(plane: Array, shown: Array, **facts: Any) -> Row:
    """A row of what a model shows in place of the plane."""
    exact = _squared_error(shown, plane) <= EXACT * float((plane.astype(float) ** 2).sum())
    return Row(psnr_db=np.inf if exact else metrics.psnr_db(plane, shown, data_range=255), **facts)


def _squared_error(shown: Array, plane: Array) -> float:
    return float(((shown - plane) ** 2).sum())


def _of_train(train: tensor_train.PictureTrain, plane: Array, files: Sequence[Jpeg], params: Params) -> dict[str, Any]:
    """The fields of a row that a train has: its numbers, and its bits and PSNR with rounded cores."""
    error = _squared_error(train.picture(), plane)
    # Errors of rounding add to the truncation's: Δ²/12 for each number.
    room = max(error, plane.size / 12) * (10 ** (params.quantization_loss_db / 10) - 1)
    rounded = quantize(train.train, float(np.sqrt(12 * room / train.parameters)))
    rounded_shown = train.layout.crop(train.layout.to_padded(rounded.train.dense()))
    rate = rounded.ideal_bits / plane.size
    fitting = [one for one in files if one.bits_per_pixel <= rate]
    jpeg = max(fitting, key=lambda one: one.psnr_db) if fitting else None
    return {
        "parameters": train.parameters,
        "degrees_of_freedom": train.degrees_of_freedom,
        "entropy_bits": float(max(tensor_train.entanglement_entropy(train.train), default=0.0)),
        "ideal_bits_per_pixel": rate,
        "rounded_psnr_db": metrics.psnr_db(plane, rounded_shown, data_range=255),
        "jpeg_bits_per_pixel": jpeg.bits_per_pixel if jpeg else float("nan"),
        "jpeg_psnr_db": jpeg.psnr_db if jpeg else float("nan"),
    }


def findings(rows: Sequence[Row]) -> list[str]:
    """PSNR of all models at the largest bond, and of rounded trains beside JPEG."""
    measured = comparable(rows, "psnr_db")
    if not measured:
        return ["No picture has a train with an error: they are black, of one pixel, or kept exactly."]
    bond = max(values(measured, "bond"))
    psnr = {key: mean(own, "psnr_db") for key, own in groups(select(measured, bond=bond), "model", "order").items()}
    orders = _orders(measured)
    plain, shared = (", ".join(f"{order} {psnr[model, order]:.2f}" for order in orders) for model in (PLAIN, SHARED))
    beside = ", ".join(f"{name} {psnr[name, '']:.2f}" for name in OTHERS if (name, "") in psnr)
    sentences = [
        f"With one bond of {bond} at every cut trains keep (dB): {plain}.",
        f"With the numbers of the Morton train divided among the cuts and fitted: {shared}.",
        f"At no more numbers others keep: {beside}.",
    ]
    for order in orders:
        chosen = comparable(select(measured, model=SHARED, order=order, bond=bond), "jpeg_psnr_db")
        if chosen:
            rate, ours, jpeg = (mean(chosen, name) for name in ("ideal_bits_per_pixel", *_ROUNDED))
            sentences.append(
                f"With rounded cores, {rate:.2f} ideal bits per pixel, the shared train in {order} order has "
                f"{ours:.2f} dB; JPEG files of no more bits have {jpeg:.2f} dB."
            )
    return sentences


_ROUNDED = ("rounded_psnr_db", "jpeg_psnr_db")


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"summary": _summary(rows)}


def _summary(rows: Sequence[Row]) -> Table:
    """Mean PSNR of every model at every budget."""
    measured = comparable(rows, "psnr_db")
    budgets = {bond: round(mean(own, "budget")) for bond, own in groups(measured, "bond").items()}
    order_of = list(groups(measured, "model", "order")).index
    ordered = sorted(measured, key=lambda row: (row.bond, order_of((row.model, row.order))))
    return table_of(
        ordered,
        {
            "bond": "bond",
            "budget": lambda own: budgets[own[0].bond],
            "model": lambda own: f"{own[0].order} {own[0].model}".strip(),
            "numbers": lambda own: round(mean(own, "parameters")),
            "less gauge": lambda own: round(mean(own, "degrees_of_freedom")),
            "PSNR, dB": "psnr_db",
        },
        by=("bond", "model", "order"),
        caption=f"Y PSNR, means over {pictures_counted(rows, 'psnr_db')}",
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR against numbers, and PSNR of rounded cores against bits."""
    figure, axes = subplots(1, 2, figsize=(11, 4.2))
    measured = comparable(rows, "psnr_db")
    orders = _orders(measured)
    colours = {name: f"C{k}" for k, name in enumerate([*orders, *OTHERS])}
    for (model, order), own in groups(measured, "model", "order").items():
        label = f"{order}, {model}" if order else model
        style = {"color": colours[order or model], "linestyle": {PLAIN: "--", SHARED: "-"}.get(model, ":")}
        axes[0].plot(*_points(own, "parameters", "psnr_db"), marker="o", label=label, **style)
    axes[0].set(xlabel="numbers per picture", ylabel="Y PSNR, dB")
    plain_log_axis(axes[0], "x")
    trains = {order: select(measured, model=SHARED, order=order) for order in orders}
    lines = {
        f"{order}, rounded (ideal bits)": _points(own, "ideal_bits_per_pixel", "rounded_psnr_db")
        for order, own in trains.items()
    }
    if trains:
        axes[0].legend(fontsize=7)
        lines["JPEG (files)"] = _points(trains[orders[0]], "jpeg_bits_per_pixel", "jpeg_psnr_db")
    Panel(curves=lines, x="bits per pixel", y="Y PSNR, dB", log="x").draw(axes[1])
    return figure


def _orders(rows: Sequence[Row]) -> list[str]:
    return [order for order in distinct(rows, "order") if order]


def _points(rows: Sequence[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    """Means of two measures at each bond."""
    return curve(rows, "bond", x)[1], curve(rows, "bond", y)[1]
