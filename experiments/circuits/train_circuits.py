"""How many gates does a circuit need that prepares a whole picture from its tensor train?

The luma of a picture, reduced to a square register, is prepared by layers of two-qubit gates that are fitted to the
train, and by the exact circuits of trains of small bond. Fidelity includes the mean of the picture, so the PSNR of the
prepared amplitudes is measured as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

import circuits
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
    counted_pictures,
    curve,
    each,
    figure_of,
    fulfils,
    groups,
    mean,
    per_picture,
    pictures_counted,
    select,
    table_of,
    values,
    whole,
)
from qimg import images, tensor_train
from qimg.tensor_train import PictureTrain

LAYERS, SEQUENTIAL = "layers", "sequential"


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qubits: Annotated[int, whole(4, 20), fulfils(lambda qubits: qubits % 2 == 0, "must be even")] = 14
    """Even size of the register: pictures are averaged and cut to 2^(qubits/2) rows and columns."""
    order: Annotated[str, among(("row_major", "morton"))] = "row_major"
    """Order of the sites: neighbours in it are coupled by the gates."""
    layers: Counts = (1, 2, 4, 8, 16, 21)
    """Layers whose fidelities are reported; 21 have depth 425 on 14 qubits."""
    sweeps: Annotated[int, whole(0)] = 8
    """Fitting sweeps after each layer."""
    bonds: Annotated[tuple[int, ...], each(whole(1, 64))] = (2, 4, 8, 16)
    """Bonds of the trains that are prepared exactly."""


TINY = Params(box_mean=8, qubits=6, layers=(1, 2), sweeps=1, bonds=(2, 4))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One picture and circuit."""

    image: str
    method: str
    """"layers" or "sequential"."""
    size: int
    """Number of layers, or bond."""
    qubits: int
    fidelity: LibraryDependent
    """|⟨picture|prepared⟩|²."""
    psnr_db: LibraryDependent
    """Of the real parts of the amplitudes, scaled to fit the picture best."""
    cx: int
    depth: int
    """Longest path through CX and one-qubit gates at optimisation level 1, all qubits connected."""
    two_qubit_depth: int
    """The same, gates on two qubits alone and each counted once."""


def rows_of(picture: Picture, params: Params) -> list[Row]:
    """One row per circuit; a black picture has no state."""
    plane = _square(picture.luma(), params.qubits // 2)
    if not plane.any():
        return []
    exact = tensor_train.picture_train(plane, order=params.order)
    row = partial(_row, picture.name, plane, exact)
    rows = []
    for layers in params.layers:
        layered = circuits.prepare_train_in_layers(exact.train, layers=layers, sweeps=params.sweeps)
        rows.append(row(LAYERS, layers, layered.circuit))
    for bond in params.bonds:
        train = tensor_train.compress(exact.train, bond=bond).train
        rows.append(row(SEQUENTIAL, bond, circuits.prepare_train(train)))
    return rows


run = per_picture(rows_of)


def _square(plane: Array, bits: int) -> Array:
    """The middle of a plane, averaged to at least and cut to 2^bits rows and columns; small planes are padded."""
    side = 2**bits
    small = images.box_mean(plane, max(1, min(plane.shape) // side))
    rows, columns = (max(0, (length - side) // 2) for length in small.shape)
    cut = small[rows : rows + side, columns : columns + side]
    missing = [(0, side - length) for length in cut.shape]
    return np.pad(cut, missing, mode="edge").astype(float)


def _row(name: str, plane: Array, exact: PictureTrain, method: str, size: int, circuit: object) -> Row:
    prepared = circuits.statevectors(circuit)[0]
    target = exact.layout.to_vector(plane)
    energy = float(np.linalg.norm(target) ** 2)
    fidelity = float(np.abs(np.vdot(target, prepared)) ** 2) / energy
    shown = prepared.real * float(target @ prepared.real) / max(float(prepared.real @ prepared.real), 1e-300)
    error = float(np.mean((shown - target) ** 2))
    exact_error = 1e-24 * energy / target.size
    compiled = circuits.compile_circuit(circuit)
    gates = circuits.count_gates(circuit)
    return Row(
        image=name,
        method=method,
        size=size,
        qubits=exact.layout.bits,
        fidelity=min(fidelity, 1.0),
        psnr_db=float("inf") if error <= exact_error else 10 * float(np.log10(255**2 / error)),
        cx=gates.cx,
        depth=gates.depth,
        two_qubit_depth=compiled.depth(lambda one: one.operation.num_qubits == 2),
    )


def findings(rows: Sequence[Row]) -> list[str]:
    """Cost and fidelity of each number of layers."""
    if not rows:
        return ["No picture has energy, so there is no state to prepare."]
    return [
        f"{size} layer(s), {max(values(own, 'cx'))} CX at depth {max(values(own, 'depth'))} on {own[0].qubits} qubits: "
        f"mean fidelity {mean(own, 'fidelity'):.4f}, above 0.99 on {sum(row.fidelity > WANTED for row in own)} of "
        f"{counted_pictures(len(own))}."
        for size, own in sorted(groups(select(rows, method=LAYERS), "size").items())
    ]


def tables(rows: Sequence[Row]) -> dict[str, Table]:
    """The tables of the documentation, by name."""
    return {"circuits": circuit_table(rows), "pictures": picture_table(rows)}


def circuit_table(rows: Sequence[Row]) -> Table:
    """Cost, fidelity and PSNR of each circuit, over the pictures."""
    measured = comparable(rows, "psnr_db")
    return table_of(
        rows,
        {
            "circuit": lambda own: _name(own[0]),
            "CX": "cx",
            "depth": "depth",
            "two-qubit depth": "two_qubit_depth",
            "mean fidelity": "fidelity",
            "least fidelity": lambda own: min(values(own, "fidelity")),
            "above 0.99": lambda own: sum(row.fidelity > WANTED for row in own),
            "of": len,
            "PSNR, dB": lambda own: mean([row for row in own if row in measured], "psnr_db"),
            "least PSNR above 0.99, dB": lambda own: min(_psnr_above(own), default=float("nan")),
            "largest, dB": lambda own: max(_psnr_above(own), default=float("nan")),
        },
        by=("method", "size"),
        caption=f"Means over {pictures_counted(rows, 'psnr_db')}; *above 0.99*: pictures of such a fidelity",
        formats={**_COUNTS, "mean fidelity": ".3f", "least fidelity": ".3f", "PSNR, dB": ".1f"}
        | {"least PSNR above 0.99, dB": ".1f", "largest, dB": ".1f"},
    )


def picture_table(rows: Sequence[Row]) -> Table:
    """Fidelity and PSNR of each picture and circuit."""
    return table_of(
        rows,
        {
            "picture": "image",
            "circuit": _name,
            "CX": "cx",
            "depth": "depth",
            "two-qubit depth": "two_qubit_depth",
            "fidelity": "fidelity",
            "PSNR, dB": "psnr_db",
        },
        formats={**_COUNTS, "fidelity": ".3f", "PSNR, dB": ".1f"},
    )


WANTED = 0.99
"""Fidelity of the published claim."""

_COUNTS = {"CX": "_.0f", "depth": "_.0f", "two-qubit depth": "_.0f"}


def _name(row: Row) -> str:
    if row.method == SEQUENTIAL:
        return f"exact train of bond {row.size}"
    return "1 layer" if row.size == 1 else f"{row.size} layers"


def _psnr_above(rows: Sequence[Row]) -> list[float]:
    return [row.psnr_db for row in rows if row.fidelity > WANTED]


def plot(rows: Sequence[Row]) -> Figure:
    """Infidelity against CX and PSNR against CX."""
    infidelity, psnr = {}, {}
    for method, own in groups(rows, "method").items():
        cx = curve(own, "size", lambda at: max(1.0, mean(at, "cx")))[1]
        infidelity[method] = (cx, curve(own, "size", lambda at: max(1e-12, 1 - mean(at, "fidelity")))[1])
        psnr[method] = (cx, curve(own, "size", "psnr_db")[1])
    figure = figure_of(
        Panel(curves=infidelity, x="CX", y="1 − fidelity", log="x"),
        Panel(curves=psnr, x="CX", y="PSNR, dB", log="x"),
        size=(10, 3.8),
    )
    figure.axes[0].set_yscale("log")
    return figure
