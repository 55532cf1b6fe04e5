"""How well does a tensor train keep a picture, next to a KLT, block DCTs and JPEG?

Luma as a matrix-product state over the bits of its pixels' index, in three orders: with one bond at every cut, and with
the same count of numbers divided among the cuts and fitted. Beside them stand bases of 8×8 patches and JPEG at no more
numbers, and JPEG at no more bits than the train's cores take when they are rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments._run.parameters import integers, not_empty
from experiments._run.pictures import PictureParams, Track
from experiments.tensor_trains.few_numbers import OTHERS, Jpeg, jpegs, others
from experiments.tensor_trains.quantized_trains import quantize
from qimg import metrics, tensor_train
from qimg.core.arguments import Array, integer, one_of
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
from qimg.report import Table, plain_log_axis, plot_curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN, SHARED = "one bond", "shared"


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    orders: tuple[str, ...] = ("row_major", "morton", "quadtree")
    """Orders of `qimg.tensor_train.layout`."""
    bonds: tuple[int, ...] = (8, 16, 32, 64)
    """Bonds of the plain trains; each sets the count of numbers that all others are given."""
    refinements: int = 2
    """Sweeps that fit the shared trains."""
    fillings: int = 1
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
    entropy_bits: float
    """Of a train: largest entanglement entropy over its cuts; NaN otherwise."""
    ideal_bits_per_pixel: float
    """Of a train: adaptive code of its rounded cores, not a file; NaN otherwise."""
    rounded_psnr_db: float
    """PSNR of the train with rounded cores."""
    jpeg_bits_per_pixel: float
    """The largest JPEG file of no more bits, NaN where there is none."""
    jpeg_psnr_db: float


EXACT = 1e-24
"""Relative squared error that rounding alone explains: such a picture is kept exactly, its PSNR infinite."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture, model, order and bond; pictures of one pixel and black ones have no train."""
    integers("bonds", params.bonds, 1)
    not_empty("orders", params.orders)
    for order in params.orders:
        one_of("orders", order, tensor_train.ORDERS)
    integer("refinements", params.refinements, 0)
    integer("fillings", params.fillings, 0)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        plane = picture.luma()
        if plane.size < 2 or not plane.any():
            continue
        files = jpegs(plane)
        for bond in params.bonds:
            budget = _plain(plane, "morton", bond, params).parameters
            for order in params.orders:
                plain = _plain(plane, order, bond, params)
                shared = tensor_train.picture_train(
                    plane,
                    order=order,
                    parameters=max(budget, sum(plain.train.dims)),
                    refinements=params.refinements,
                    fillings=params.fillings,
                )
                for model, train in ((PLAIN, plain), (SHARED, shared)):
                    rows.append(_of_train(picture.name, model, order, bond, budget, plane, train, files, params))
            for model, kept in others(plane, budget, files).items():
                rows.append(_of_other(picture.name, model, bond, budget, plane, *kept))
    return rows


def _plain(plane: Array, order: str, bond: int, params: Params) -> tensor_train.PictureTrain:
    return tensor_train.picture_train(plane, order=order, bond=bond, fillings=params.fillings)


def _of_train(
    image: str,
    model: str,
    order: str,
    bond: int,
    budget: int,
    plane: Array,
    train: tensor_train.PictureTrain,
    files: Sequence[Jpeg],
    params: Params,
) -> Row:
    shown = train.picture()
    error = float(((shown - plane) ** 2).sum())
    least = EXACT * float((plane.astype(float) ** 2).sum())
    # Errors of rounding add to the truncation's: Δ²/12 for each number.
    room = max(error, plane.size / 12) * (10 ** (params.quantization_loss_db / 10) - 1)
    rounded = quantize(train.train, float(np.sqrt(12 * room / train.parameters)))
    rounded_shown = train.layout.crop(train.layout.to_padded(rounded.train.dense()))
    rate = rounded.ideal_bits / plane.size
    fitting = [one for one in files if one.bits_per_pixel <= rate]
    jpeg = max(fitting, key=lambda one: one.psnr_db) if fitting else None
    return Row(
        image=image,
        model=model,
        order=order,
        bond=bond,
        budget=budget,
        parameters=train.parameters,
        degrees_of_freedom=train.degrees_of_freedom,
        psnr_db=np.inf if error <= least else metrics.psnr_db(plane, shown),
        entropy_bits=float(max(tensor_train.entanglement_entropy(train.train), default=0.0)),
        ideal_bits_per_pixel=rate,
        rounded_psnr_db=metrics.psnr_db(plane, rounded_shown),
        jpeg_bits_per_pixel=jpeg.bits_per_pixel if jpeg else float("nan"),
        jpeg_psnr_db=jpeg.psnr_db if jpeg else float("nan"),
    )


def _of_other(image: str, model: str, bond: int, budget: int, plane: Array, numbers: int, shown: Array) -> Row:
    nan = float("nan")
    error = float(((shown - plane) ** 2).sum())
    exact = error <= EXACT * float((plane.astype(float) ** 2).sum())
    return Row(
        image=image,
        model=model,
        order="",
        bond=bond,
        budget=budget,
        parameters=numbers,
        degrees_of_freedom=numbers,
        psnr_db=np.inf if exact else metrics.psnr_db(plane, shown),
        entropy_bits=nan,
        ideal_bits_per_pixel=nan,
        rounded_psnr_db=nan,
        jpeg_bits_per_pixel=nan,
        jpeg_psnr_db=nan,
    )


def findings(rows: Sequence[Row]) -> list[str]:
    """What the rows say."""
    measured = comparable(rows, "psnr_db")
    if not measured:
        return ["No picture has a train with an error: they are black, of one pixel, or kept exactly."]
    bond = max(row.bond for row in measured)
    orders = _orders(measured)
    plain = ", ".join(f"{order} {_mean(measured, PLAIN, order, bond):.2f}" for order in orders)
    shared = ", ".join(f"{order} {_mean(measured, SHARED, order, bond):.2f}" for order in orders)
    kept = {name: _mean(measured, name, "", bond) for name in OTHERS}
    others = ", ".join(f"{name} {psnr:.2f}" for name, psnr in kept.items() if np.isfinite(psnr))
    sentences = [
        f"With one bond of {bond} at every cut trains keep (dB): {plain}.",
        f"With the numbers of the Morton train divided among the cuts and fitted: {shared}.",
        f"At no more numbers others keep: {others}.",
    ]
    for order in orders:
        key = (SHARED, order, bond)
        trains = [row for row in measured if (row.model, row.order, row.bond) == key]
        chosen = comparable(trains, "jpeg_psnr_db")
        if chosen:
            rate = finite_mean(row.ideal_bits_per_pixel for row in chosen)
            ours = finite_mean(row.rounded_psnr_db for row in chosen)
            jpeg = finite_mean(row.jpeg_psnr_db for row in chosen)
            sentences.append(
                f"With rounded cores, {rate:.2f} ideal bits per pixel, the shared train in {order} order has "
                f"{ours:.2f} dB; JPEG files of no more bits have {jpeg:.2f} dB."
            )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Mean PSNR of every model at every budget."""
    measured = comparable(rows, "psnr_db")
    body = []
    for bond in sorted({row.bond for row in measured}):
        budget = finite_mean(row.budget for row in measured if row.bond == bond)
        for model, order in dict.fromkeys((row.model, row.order) for row in measured):
            chosen = [row for row in measured if (row.model, row.order, row.bond) == (model, order, bond)]
            if not chosen:
                continue
            numbers, free = (
                finite_mean(getattr(row, name) for row in chosen) for name in ("parameters", "degrees_of_freedom")
            )
            body.append([bond, round(budget), f"{order} {model}".strip(), round(numbers), round(free), _psnr(chosen)])
    return Table(
        columns=["bond", "budget", "model", "numbers", "less gauge", "PSNR, dB"],
        rows=body,
        caption=f"Y PSNR, means over {pictures_counted(rows, 'psnr_db')}",
    )


def plot(rows: Sequence[Row]) -> "Figure":
    """PSNR against numbers, and PSNR of rounded cores against bits."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    measured = comparable(rows, "psnr_db")
    colours = {name: f"C{k}" for k, name in enumerate([*_orders(measured), *OTHERS])}
    for model, order in dict.fromkeys((row.model, row.order) for row in measured):
        points = [_point(measured, model, order, bond, "parameters", "psnr_db") for bond in _bonds(measured)]
        x, y = zip(*points, strict=True)
        style = {PLAIN: "--", SHARED: "-"}.get(model, ":")
        label = f"{order}, {model}" if order else model
        axes[0].plot(x, y, marker="o", color=colours[order or model], linestyle=style, label=label)
    axes[0].set_ylabel("Y PSNR, dB")
    if measured:
        axes[0].legend(fontsize=7)
    coded = {}
    trains = [row for row in measured if row.order]
    for order in _orders(trains):
        points = [
            _point(trains, SHARED, order, bond, "ideal_bits_per_pixel", "rounded_psnr_db") for bond in _bonds(trains)
        ]
        coded[f"{order}, rounded (ideal bits)"] = tuple(zip(*points, strict=True))
    if trains:
        some = _orders(trains)[0]
        points = [_point(trains, SHARED, some, bond, "jpeg_bits_per_pixel", "jpeg_psnr_db") for bond in _bonds(trains)]
        coded["JPEG (files)"] = tuple(zip(*points, strict=True))
        plot_curves(coded, x_label="bits per pixel", y_label="Y PSNR, dB", ax=axes[1])
    for ax, label in zip(axes, ("numbers per picture", "bits per pixel"), strict=True):
        ax.set_xlabel(label)
        plain_log_axis(ax, "x")
    return figure


def _orders(rows: Sequence[Row]) -> list[str]:
    return [order for order in dict.fromkeys(row.order for row in rows) if order]


def _bonds(rows: Sequence[Row]) -> list[int]:
    return sorted({row.bond for row in rows})


def _psnr(rows: Sequence[Row]) -> float:
    return finite_mean(row.psnr_db for row in rows)


def _mean(rows: Sequence[Row], model: str, order: str, bond: int) -> float:
    return _psnr([row for row in rows if (row.model, row.order, row.bond) == (model, order, bond)])


def _point(rows: Sequence[Row], model: str, order: str, bond: int, x: str, y: str) -> tuple[float, float]:
    chosen = [row for row in rows if (row.model, row.order, row.bond) == (model, order, bond)]
    return finite_mean(getattr(row, x) for row in chosen), finite_mean(getattr(row, y) for row in chosen)
