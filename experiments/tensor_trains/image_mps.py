"""How well does a tensor train keep a picture, next to a KLT, block DCTs and JPEG?

Luma is a matrix-product state over the bits of its pixels' index, in three orders: with one bond at every cut, and with
the same count of numbers divided among the cuts and fitted. It is compared with bases of 8×8 patches and with JPEG of
no more numbers, and with JPEG of no more bits than the rounded cores take.
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
    LibraryDependent,
    Panel,
    Picture,
    PictureParams,
    Table,
    among,
    comparable,
    count_pictures,
    curve,
    distinct,
    each,
    finite_mean,
    groups,
    legend_below,
    mean,
    per_picture,
    pictures_counted,
    plain_log_axis,
    plot_curves,
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
    """Bonds of the plain trains; each sets the count of numbers of all other models."""
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
    psnr_db: LibraryDependent
    entropy_bits: float = float("nan")
    """Of a train: largest entanglement entropy over its cuts; NaN otherwise."""
    ideal_bits_per_pixel: LibraryDependent = float("nan")
    """Of a train: adaptive code of its rounded cores, not a file; NaN otherwise."""
    rounded_psnr_db: LibraryDependent = float("nan")
    """PSNR of the train with rounded cores."""
    jpeg_bits_per_pixel: LibraryDependent = float("nan")
    """The largest JPEG file of no more bits, NaN where there is none."""
    jpeg_psnr_db: LibraryDependent = float("nan")


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
    return {
        "psnr": psnr_table(rows),
        "numbers": number_table(rows),
        "bits": bit_table(rows),
        "gains": gain_table(rows),
    }


def psnr_table(rows: Sequence[Row]) -> Table:
    """PSNR of each model at each count of numbers."""
    measured = comparable(rows, "psnr_db")
    models = list(groups(sorted(measured, key=_model_key), "model", "order"))
    body = []
    for bond, own in groups(sorted(measured, key=lambda row: row.bond), "bond").items():
        there = groups(own, "model", "order")
        psnr = [mean(there[model], "psnr_db") if model in there else "" for model in models]
        body.append([bond, mean(own, "budget"), *psnr])
    names = [_label(*model) for model in models]
    return Table(
        columns=["bond", "numbers", *names],
        rows=body,
        caption=f"Y PSNR in dB, means over {pictures_counted(rows, 'psnr_db')}",
        formats={"numbers": "_.0f", **dict.fromkeys(names, ".2f")},
    )


def number_table(rows: Sequence[Row]) -> Table:
    """Numbers, degrees of freedom and PSNR of each model."""
    return table_of(
        sorted(comparable(rows, "psnr_db"), key=lambda row: (row.bond, _model_key(row))),
        {
            "bond": "bond",
            "model": lambda own: _label(own[0].model, own[0].order),
            "numbers": "parameters",
            "without the gauge": "degrees_of_freedom",
            "PSNR, dB": "psnr_db",
        },
        by=("bond", "model", "order"),
        caption=f"Means over {pictures_counted(rows, 'psnr_db')}",
        formats={"numbers": "_.0f", "without the gauge": "_.0f", "PSNR, dB": ".2f"},
    )


def bit_table(rows: Sequence[Row]) -> Table:
    """Bits and PSNR of trains with rounded cores, and of JPEG files of no more bits."""
    trains = groups([row for row in rows if row.order], "bond").values()
    measured = [row for own in trains for row in comparable(own, "jpeg_psnr_db")]
    return table_of(
        sorted(measured, key=lambda row: (row.bond, _model_key(row))),
        {
            "bond": "bond",
            "model": lambda own: _label(own[0].model, own[0].order),
            "ideal bits per pixel": "ideal_bits_per_pixel",
            "PSNR, dB": "rounded_psnr_db",
            "JPEG, bits per pixel": "jpeg_bits_per_pixel",
            "JPEG, dB": "jpeg_psnr_db",
        },
        by=("bond", "model", "order"),
        caption="Cores are rounded; the length is that of an adaptive code, not of a file",
        formats={
            "ideal bits per pixel": ".2f",
            "PSNR, dB": ".2f",
            "JPEG, bits per pixel": ".2f",
            "JPEG, dB": ".2f",
        },
    )


def gain_table(rows: Sequence[Row]) -> Table:
    """PSNR that shared trains gain over trains with one bond: in the same order, and in Morton order."""
    measured = comparable(rows, "psnr_db")
    body: list[list[object]] = []
    for (bond, order), own in groups(select(measured, model=SHARED), "bond", "order").items():
        for other in dict.fromkeys((order, "morton")):
            plain = {row.image: row.psnr_db for row in select(measured, model=PLAIN, bond=bond, order=other)}
            gains = [row.psnr_db - plain[row.image] for row in own if row.image in plain]
            if gains:
                body.append([bond, order, other, finite_mean(gains), min(gains), max(gains)])
    return Table(
        columns=["bond", "shared", "over one bond in", "gain, dB", "least, dB", "largest, dB"],
        rows=body,
        caption=f"PSNR of the same count of numbers, {count_pictures(measured)}",
        formats=dict.fromkeys(("gain, dB", "least, dB", "largest, dB"), "+.2f"),
    )


def _model_key(row: Row) -> tuple[int, int]:
    """Trains order by order, the others in the order of `OTHERS`."""
    if row.order:
        return tensor_train.ORDERS.index(row.order), (PLAIN, SHARED).index(row.model)
    return len(tensor_train.ORDERS), OTHERS.index(row.model)


def _label(model: str, order: str) -> str:
    return f"{order}, {model}" if order else model


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR against numbers, and PSNR of rounded cores against bits."""
    figure, axes = subplots(1, 2, figsize=(10, 5))
    measured = comparable(rows, "psnr_db")
    orders = _orders(measured)
    models = groups(sorted(measured, key=_model_key), "model", "order")
    by_numbers = {_label(*model): _points(own, "parameters", "psnr_db") for model, own in models.items()}
    plot_curves(by_numbers, x_label="numbers per picture", y_label="Y PSNR, dB", ax=axes[0])
    plain_log_axis(axes[0], "x")
    if axes[0].get_legend():
        axes[0].get_legend().remove()
        legend_below(figure)
    trains = {order: select(measured, model=SHARED, order=order) for order in orders}
    lines = {
        f"{order}, rounded (ideal bits)": _points(own, "ideal_bits_per_pixel", "rounded_psnr_db")
        for order, own in trains.items()
    }
    if trains:
        lines["JPEG (files)"] = _points(trains[orders[0]], "jpeg_bits_per_pixel", "jpeg_psnr_db")
    Panel(curves=lines, x="bits per pixel", y="Y PSNR, dB", log="x").draw(axes[1])
    return figure


def _orders(rows: Sequence[Row]) -> list[str]:
    return [order for order in distinct(rows, "order") if order]


def _points(rows: Sequence[Row], x: str, y: str) -> tuple[list[float], list[float]]:
    """Means of two measures at each bond."""
    return curve(rows, "bond", x)[1], curve(rows, "bond", y)[1]
