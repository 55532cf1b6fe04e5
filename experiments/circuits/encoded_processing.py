"""What do edges, turns, negation, thresholds, sums and comparisons of encoded pictures cost beside those of pixels?

A crop of each picture is processed in its representations, exactly and by shots, beside NumPy. Edges of the whole
picture are detected in blocks, exactly beside SciPy, and by shots beside the differences of a picture that was measured
itself with the same number of shots. Crops are compared by the swap test.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from scipy import ndimage

import circuits
from circuits.seeds import stream
from experiments._run import (
    Array,
    Count,
    Counts,
    Figure,
    Panel,
    Picture,
    PictureParams,
    Seconds,
    Seed,
    Table,
    count_pictures,
    curves,
    distinct,
    groups,
    levels,
    mean,
    mean_or_infinite,
    per_picture,
    plain_log_axis,
    select,
    subplots,
    table_of,
    timed,
    values,
    whole,
    wide_table,
)
from experiments.circuits.representations import psnr_or_exact
from qimg.report.plots import curve_styles

QHED, MEASURED = "QHED", "measured picture"
SWAP_TEST = "swap test"
NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    side: Annotated[int, whole(2, 8)] = 4
    """Rows and columns of the crop, at the middle of the picture."""
    crop_shots: Counts = (4096,)
    """Shots of each operation on the crop, and of the swap test."""
    block: Annotated[int, whole(2, 1024)] = 16
    """Side of the blocks of edge detection, a power of two."""
    shots: Counts = (10**6, 10**7, 10**8)
    """Shots of edge detection, for both axes together."""
    repeats: Count = 3
    """Independent readings for each number of shots."""
    seed: Seed = 0
    """Seed of the shots."""


TINY = Params(box_mean=16, side=2, crop_shots=(256,), block=8, shots=(10**6,), repeats=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture, or its crop, processed in one way and read once."""

    image: str
    part: str
    """"operation", "edges" or "comparison"."""
    operation: str
    representation: str
    """"pixels" where the picture is not encoded."""
    method: str
    shots: int
    """Copies of the encoded picture; 0 where the state itself is read."""
    repeat: int
    pixels: int
    qubits: int
    cx: int
    """Of the operation, without loading, at optimisation level 1."""
    one_qubit: int
    depth: int
    loading_cx: int
    flops: int
    """Operations of the classical baseline."""
    difference: float
    """Largest deviation of the exact result from the classical one, in code values."""
    psnr_db: float
    """Of the result by shots; infinite where it is exact."""
    coverage: float
    """Share of the pixels, or of the values, that lie in their 95 % intervals."""
    value: float
    """Root mean squared difference of two crops, by the swap test."""
    reference: float
    """The same from the pixels."""
    success: float
    """Share of the shots that count a difference inside of the picture."""
    simulation_seconds: Seconds
    """Of the exact simulation, or NaN."""
    classical_seconds: Seconds
    """Of the classical baseline, or NaN."""


Build = Callable[[circuits.EncodedImage, circuits.EncodedImage], circuits.PictureOperation]

OPERATIONS: dict[str, tuple[tuple[str, ...], Build, Callable[[Array, Array], Array]]] = {
    "flip of columns": (
        ("amplitude", "frqi", "neqr"),
        lambda one, _: circuits.flip_picture(one, "columns"),
        lambda image, _: np.flip(image, 1),
    ),
    "rotation by 90°": (
        ("amplitude", "frqi", "neqr"),
        lambda one, _: circuits.rotate_picture(one, 1),
        lambda image, _: np.rot90(image),
    ),
    "shift by (1, 1)": (
        ("amplitude", "frqi", "neqr"),
        lambda one, _: circuits.shift_picture(one, rows=1, columns=1),
        lambda image, _: np.roll(image, (1, 1), (0, 1)),
    ),
    "negation": (("frqi", "neqr"), lambda one, _: circuits.negate_picture(one), lambda image, _: 255 - image),
    "addition of 27": (
        ("frqi", "neqr"),
        lambda one, _: circuits.add_level(one, 27),
        lambda image, _: image + np.uint8(27),
    ),
    "threshold at 100": (
        ("neqr",),
        lambda one, _: circuits.threshold_picture(one, 100),
        lambda image, _: np.uint8(255) * (image >= 100),
    ),
    "addition of a picture": (("frqi", "neqr"), circuits.add_pictures, lambda image, other: image + other),
}
"""The representations, the circuit and NumPy's form of each operation. Levels are halved before, so that sums fit."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """The rows of one picture: operations on its crop, its edges, and comparisons of its crop."""
    luma = picture.luma()
    rng = np.random.default_rng(stream(params.seed, "encoded_processing", picture.name))
    rows = [*_operations(picture.name, _crop(luma, params.side) // 2, params, rng)]
    if luma.any():
        rows += [*_edges(picture.name, luma.astype(float), params, rng)]
    return rows


run = per_picture(rows_of)


def _crop(luma: Array, side: int) -> Array:
    top, left = (max(length - side, 0) // 2 for length in luma.shape)
    return luma[top : top + side, left : left + side]


def _operations(image: str, crop: Array, params: Params, rng: np.random.Generator) -> Iterator[Row]:
    other = np.ascontiguousarray(crop[::-1])
    power = all(side & (side - 1) == 0 and side > 1 for side in crop.shape) and crop.shape[0] == crop.shape[1]
    for name, (representations, build, classical) in OPERATIONS.items():
        if name.startswith("shift") and not power:
            continue
        expected, seconds = timed(classical, crop, other)
        for representation in representations:
            if representation == "amplitude" and not crop.any():
                continue
            operation = build(*(circuits.encode_image(one, representation) for one in (crop, other)))
            read, simulated = timed(circuits.process_picture, operation)
            row = partial(
                _row,
                image=image,
                part="operation",
                operation=name,
                representation=representation,
                method="circuit",
                pixels=crop.size,
                qubits=operation.circuit.num_qubits,
                cost=operation.cost(),
                loading_cx=circuits.image_cost(operation.source).cx,
                flops=crop.size,
            )
            difference = float(np.abs(read.picture.astype(float) - expected).max())
            yield row(difference=difference, simulation_seconds=simulated, classical_seconds=seconds)
            for shots in params.crop_shots:
                sampled = circuits.process_picture(operation, shots=shots, seed=int(rng.integers(2**31)))
                inside = (sampled.low <= expected + 1e-6) & (expected - 1e-6 <= sampled.high)
                psnr = psnr_or_exact(expected, sampled.picture)
                yield row(shots=shots, psnr_db=psnr, coverage=float(inside.mean()))
    if crop.any():
        yield from _comparison(image, crop, other, params, rng)


def _comparison(image: str, crop: Array, other: Array, params: Params, rng: np.random.Generator) -> Iterator[Row]:
    encoded = [circuits.encode_image(one, "amplitude") for one in (crop, other)]
    error, seconds = timed(lambda: float(((crop.astype(float) - other) ** 2).mean()))
    for shots in params.crop_shots:
        compared = circuits.compare_pictures(*encoded, shots=shots, seed=int(rng.integers(2**31)))
        estimate = compared.mean_squared_error
        assert estimate is not None  # of amplitudes
        yield _row(
            image=image,
            part="comparison",
            operation="comparison",
            representation="amplitude",
            method=SWAP_TEST,
            shots=shots,
            pixels=crop.size,
            qubits=2 * encoded[0].n_qubits,
            cost=compared.cost,
            loading_cx=2 * circuits.image_cost(encoded[0]).cx,
            flops=3 * crop.size,
            value=float(np.sqrt(estimate.value)),
            reference=float(np.sqrt(error)),
            coverage=float(estimate.low - 1e-6 <= error <= estimate.high + 1e-6),
            classical_seconds=seconds,
        )


def _edges(image: str, luma: Array, params: Params, rng: np.random.Generator) -> Iterator[Row]:
    exact, simulated = timed(partial(circuits.edge_detection, luma, block=params.block))
    (rows, columns), seconds = timed(_classical, luma)
    magnitude = np.hypot(rows, columns)
    row = partial(
        _row,
        image=image,
        part="edges",
        operation="edge detection",
        pixels=luma.size,
        # Two subtractions, two squares, a sum and a root.
        flops=6 * luma.size,
    )
    circuit = partial(
        row,
        representation="amplitude",
        method=QHED,
        qubits=exact.qubits,
        cost=exact.cost[0],
        loading_cx=2 ** (exact.qubits - 1) - 2,
        success=float(np.mean(exact.success)),
    )
    difference = max(float(np.abs(exact.rows - rows).max()), float(np.abs(exact.columns - columns).max()))
    yield circuit(difference=difference, simulation_seconds=simulated, classical_seconds=seconds)
    least = min((one for one in exact.success if one > 1e-20), default=1.0)
    for shots in params.shots:
        for repeat in range(params.repeats):
            if shots // 2 * least >= 3:  # fewer count no difference with a probability of more than 5 %
                read = circuits.edge_detection(
                    luma, block=params.block, shots=shots // 2, seed=int(rng.integers(2**31))
                )
                inside = (read.low <= magnitude + 1e-6) & (magnitude - 1e-6 <= read.high)
                psnr = psnr_or_exact(magnitude, read.magnitude)
                yield circuit(shots=shots, repeat=repeat, psnr_db=psnr, coverage=float(inside.mean()))
            norm = float(np.linalg.norm(luma))
            counts = rng.multinomial(shots, (luma / norm).ravel() ** 2 / ((luma / norm) ** 2).sum())
            measured = np.hypot(*_classical(norm * np.sqrt(counts / shots).reshape(luma.shape)))
            psnr = psnr_or_exact(magnitude, measured)
            qubits = circuits.encode_image(luma, "amplitude").n_qubits
            loading = 2**qubits - 2
            yield row(
                representation="amplitude",
                method=MEASURED,
                shots=shots,
                repeat=repeat,
                qubits=qubits,
                loading_cx=loading,
                psnr_db=psnr,
            )


def _classical(image: Array) -> tuple[Array, Array]:
    """Differences of rows and of columns."""
    rows, columns = (ndimage.correlate1d(image, [-1, 1], axis=axis, origin=-1, mode="nearest") for axis in (0, 1))
    return rows, columns


_NONE = circuits.GateCount(cx=0, one_qubit=0)


def _row(*, cost: circuits.GateCount = _NONE, **fields: Any) -> Row:
    """A row; measures that are left out are NaN."""
    names = ("difference", "psnr_db", "coverage", "value", "reference", "success")
    empty = dict.fromkeys((*names, "simulation_seconds", "classical_seconds"), NAN)
    counts = {"shots": 0, "repeat": 0, "cx": cost.cx, "one_qubit": cost.one_qubit, "depth": cost.depth}
    return Row(**{**empty, **counts, **fields})


def findings(rows: Sequence[Row]) -> list[str]:
    """Agreement with NumPy and SciPy, and PSNR by shots beside the baseline."""
    sentences = []
    operations = select(rows, part="operation", shots=0)
    if operations:
        largest = max(values(operations, "difference"))
        sentences.append(
            f"{len(operations)} operations on crops differ from NumPy by at most {largest:.0f} code values."
        )
    exact = select(rows, part="edges", shots=0)
    if exact:
        ratio = np.median([row.simulation_seconds / max(row.classical_seconds, 1e-9) for row in exact])
        sentences.append(
            f"Edges in blocks are the finite differences to {max(values(exact, 'difference')):.0e} code values; SciPy "
            f"computes them {ratio:.0f} times faster than the simulation."
        )
    for shots, own in groups([row for row in rows if row.part == "edges" and row.shots], "shots").items():
        ours, theirs = (mean(select(own, method=name), "psnr_db") for name in (QHED, MEASURED))
        if np.isfinite([ours, theirs]).all():
            winner = "the baseline wins" if theirs > ours else "edge detection wins"
            sentences.append(
                f"With {shots:,} shots the magnitude has {ours:.1f} dB by QHED and {theirs:.1f} dB from the picture "
                f"that was measured itself: {winner}."
            )
    compared = select(rows, part="comparison")
    if compared:
        errors = np.sqrt(np.mean([(row.value - row.reference) ** 2 for row in compared]))
        sentences.append(
            f"The swap test gives root mean squared differences of crops with an error of {errors:.2f} code values; "
            "the pixels give them exactly."
        )
    return sentences or ["Nothing was measured."]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {
        "operations": operation_table(rows),
        "edges": edge_table(rows),
        "shots": shot_table(rows),
        "comparisons": comparison_table(rows),
    }


def operation_table(rows: Sequence[Row]) -> Table:
    """Cost of each operation on a crop, its deviation from NumPy, and its result by shots."""
    own = select(rows, part="operation")
    return table_of(
        own,
        {
            "operation": "operation",
            "representation": "representation",
            "qubits": "qubits",
            "CX": "cx",
            "one-qubit gates": "one_qubit",
            "depth": "depth",
            "CX of loading": "loading_cx",
            "largest deviation": lambda line: max(values(select(line, shots=0), "difference")),
            "PSNR by shots, dB": lambda line: mean_or_infinite([row for row in line if row.shots], "psnr_db"),
            "pixels in their intervals, %": "coverage",
            "simulation, ms": lambda line: 1000 * mean(select(line, shots=0), "simulation_seconds"),
            "NumPy, ms": lambda line: 1000 * mean(select(line, shots=0), "classical_seconds"),
        },
        by=("operation", "representation"),
        caption=f"Crops of {count_pictures(own)}, means; {_shots(own)}; ∞: every crop comes back",
        formats={
            "CX": ".0f",
            "one-qubit gates": ".0f",
            "depth": ".0f",
            "CX of loading": ".0f",
            "largest deviation": ".0f",
            "PSNR by shots, dB": ".1f",
            "pixels in their intervals, %": ".1%",
            "simulation, ms": ".1f",
            "NumPy, ms": ".3f",
        },
    )


def _shots(rows: Sequence[Row]) -> str:
    return ", ".join(f"{shots} shots" for shots in levels(rows, "shots") if shots)


def edge_table(rows: Sequence[Row]) -> Table:
    """Cost of edge detection of whole pictures, its deviation from SciPy, and the times of both."""
    own = select(rows, part="edges", shots=0)
    return table_of(
        own,
        {
            "pixels": "pixels",
            "pictures": lambda line: len(line),
            "qubits": "qubits",
            "CX": "cx",
            "depth": "depth",
            "CX of loading": "loading_cx",
            "largest deviation": lambda line: max(values(line, "difference")),
            "shots that count, %": "success",
            "simulation, s": "simulation_seconds",
            "SciPy, s": "classical_seconds",
            "SciPy, flops": "flops",
        },
        by=("pixels",),
        caption="QHED of whole pictures in blocks; the largest deviation from SciPy's finite differences is in code "
        "values; CX are those of one axis",
        formats={
            "CX": ".0f",
            "depth": ".0f",
            "CX of loading": "_.0f",
            "largest deviation": ".0e",
            "shots that count, %": ".2%",
            "simulation, s": ".2f",
            "SciPy, s": ".4f",
            "SciPy, flops": "_.0f",
        },
    )


def shot_table(rows: Sequence[Row]) -> Table:
    """PSNR of the magnitude of the differences by shots, beside the picture that was measured itself."""
    own = [row for row in rows if row.part == "edges" and row.shots]
    return wide_table(
        own,
        partial(mean_or_infinite, measure="psnr_db"),
        by={"method": "method"},
        columns={"pixels in their intervals, %": lambda line: mean(line, "coverage")},
        across="shots",
        heading="{} shots",
        caption=f"PSNR in dB of the magnitude of differences, {count_pictures(own)}",
        spec=".2f",
        formats={"pixels in their intervals, %": ".1%"},
    )


def comparison_table(rows: Sequence[Row]) -> Table:
    """Root mean squared differences of crops by the swap test."""
    own = select(rows, part="comparison")
    return table_of(
        own,
        {
            "shots": "shots",
            "qubits": "qubits",
            "CX": "cx",
            "CX of loading": "loading_cx",
            "from the pixels": "reference",
            "error of the swap test": lambda line: float(
                np.sqrt(np.mean([(row.value - row.reference) ** 2 for row in line]))
            ),
            "in their intervals, %": "coverage",
            "flops": "flops",
        },
        by=("shots",),
        caption=f"Root mean squared difference of a crop and its flip in code values, {count_pictures(own)}",
        formats={
            "CX": ".0f",
            "CX of loading": ".0f",
            "from the pixels": ".2f",
            "error of the swap test": ".2f",
            "in their intervals, %": ".0%",
            "flops": ".0f",
        },
    )


def plot(rows: Sequence[Row]) -> Figure:
    """PSNR of edges against shots, and CX of the operations; dashed lines are the CX of loading the crop."""
    edges = [row for row in rows if row.part == "edges" and row.shots and np.isfinite(row.psnr_db)]
    crops = select(rows, part="operation", shots=0)
    figure, (of_edges, of_crops) = subplots(1, 2, figsize=(10, 3.8))
    by_method = curves(edges, "shots", "psnr_db", by="method")
    Panel(curves=by_method, x="shots", y="PSNR of the edges, dB").draw(of_edges)
    if edges:
        of_edges.set_xscale("log")
    operations = distinct(crops, "operation")
    parts = zip(groups(crops, "representation").items(), curve_styles(), strict=False)
    for number, ((name, own), style) in enumerate(parts):
        by_operation = groups(own, "operation")
        cx = [1 + mean(lines, "cx") for lines in by_operation.values()]
        heights = [operations.index(one) + 0.15 * (number - 1) for one in by_operation]  # marks lie side by side
        of_crops.plot(cx, heights, label=name, **style | {"linestyle": ""})
        of_crops.axvline(1 + mean(own, "loading_cx"), color=style["color"], linestyle="--", linewidth=1)
    of_crops.set_yticks(range(len(operations)), operations)
    of_crops.invert_yaxis()
    of_crops.set_xlabel("1 + CX")
    if crops:
        plain_log_axis(of_crops, "x")
        of_crops.legend(loc="lower left")
    return figure
