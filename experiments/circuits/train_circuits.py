"""How many gates does a circuit need that prepares a whole picture from its tensor train?

The luma of a picture, reduced to a square register, is prepared by layers of two-qubit gates that are fitted to the
train, and by the exact circuits of trains of small bond. Fidelity counts the mean of the picture, so the PSNR of the
prepared amplitudes stands beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import circuits
from experiments._run.parameters import integers
from experiments._run.pictures import PictureParams, Track
from qimg import images, tensor_train
from qimg.core.arguments import Array, integer, one_of, require
from qimg.evaluation.summary import comparable, finite_mean, pictures_counted
from qimg.report import Table, plain_log_axis, plot_curves
from qimg.tensor_train import PictureTrain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS, SEQUENTIAL = "layers", "sequential"


@dataclass(frozen=True, kw_only=True)
class Params(PictureParams):
    """Inputs of the experiment."""

    qubits: int = 14
    """Even size of the register: pictures are averaged and cut to 2^(qubits/2) rows and columns."""
    order: str = "row_major"
    """Order of the sites: neighbours in it are coupled by the gates."""
    layers: tuple[int, ...] = (1, 2, 4, 8, 16, 21)
    """Layers whose fidelities are reported; 21 have depth 425 on 14 qubits."""
    sweeps: int = 8
    """Fitting sweeps after each layer."""
    bonds: tuple[int, ...] = (2, 4, 8, 16)
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
    fidelity: float
    """|⟨picture|prepared⟩|²."""
    psnr_db: float
    """Of the real parts of the amplitudes, scaled to fit the picture best."""
    cx: int
    depth: int
    """Longest path through CX and one-qubit gates at optimisation level 1, all qubits connected."""
    two_qubit_depth: int
    """The same, gates on two qubits alone and each counted once."""


def run(params: Params, *, track: Track = iter) -> list[Row]:
    """One row per picture and circuit; black pictures have no state."""
    require(integer("qubits", params.qubits, 4, 20) % 2 == 0, "qubits", "must be even", params.qubits)
    one_of("order", params.order, ("row_major", "morton"))
    integers("layers", params.layers, 1)
    integer("sweeps", params.sweeps, 0)
    integers("bonds", params.bonds, 1, 64)
    rows: list[Row] = []
    for picture in track(params.gather().pictures):
        plane = _square(picture.luma(), params.qubits // 2)
        if not plane.any():
            continue
        exact = tensor_train.picture_train(plane, order=params.order)
        for layers in params.layers:
            layered = circuits.prepare_train_in_layers(exact.train, layers=layers, sweeps=params.sweeps)
            rows.append(_row(picture.name, LAYERS, layers, plane, exact, layered.circuit))
        for bond in params.bonds:
            train = tensor_train.compress(exact.train, bond=bond).train
            rows.append(_row(picture.name, SEQUENTIAL, bond, plane, exact, circuits.prepare_train(train)))
    return rows


def _square(plane: Array, bits: int) -> Array:
    """The middle of a plane, averaged to at least and cut to 2^bits rows and columns; small planes are padded."""
    side = 2**bits
    small = images.box_mean(plane, max(1, min(plane.shape) // side))
    rows, columns = (max(0, (length - side) // 2) for length in small.shape)
    cut = small[rows : rows + side, columns : columns + side]
    missing = [(0, side - length) for length in cut.shape]
    return np.pad(cut, missing, mode="edge").astype(float)


def _row(name: str, method: str, size: int, plane: Array, exact: PictureTrain, circuit: object) -> Row:
    prepared = circuits.statevectors(circuit)[0]
    wanted = exact.layout.to_vector(plane)
    energy = float(np.linalg.norm(wanted) ** 2)
    fidelity = float(np.abs(np.vdot(wanted, prepared)) ** 2) / energy
    shown = prepared.real * float(wanted @ prepared.real) / max(float(prepared.real @ prepared.real), 1e-300)
    error = float(np.mean((shown - wanted) ** 2))
    exact_error = 1e-24 * energy / wanted.size
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
    """What the rows say."""
    if not rows:
        return ["No picture has energy, so there is no state to prepare."]
    sentences = []
    for size in sorted({row.size for row in rows if row.method == LAYERS}):
        chosen = [row for row in rows if (row.method, row.size) == (LAYERS, size)]
        above = sum(row.fidelity > 0.99 for row in chosen)
        sentences.append(
            f"{size} layer(s), {max(row.cx for row in chosen)} CX at depth {max(row.depth for row in chosen)} on "
            f"{chosen[0].qubits} qubits: mean fidelity {finite_mean(row.fidelity for row in chosen):.4f}, "
            f"above 0.99 on {above} of {len(chosen)} picture(s)."
        )
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """Means over the pictures."""
    body = []
    for method, size in dict.fromkeys((row.method, row.size) for row in rows):
        chosen = [row for row in rows if (row.method, row.size) == (method, size)]
        fidelities = [row.fidelity for row in chosen]
        body.append(
            [
                method,
                size,
                finite_mean(fidelities),
                min(fidelities),
                finite_mean(
                    row.psnr_db for row in comparable(rows, "psnr_db") if (row.method, row.size) == (method, size)
                ),
                finite_mean(row.cx for row in chosen),
                finite_mean(row.depth for row in chosen),
                finite_mean(row.two_qubit_depth for row in chosen),
            ]
        )
    columns = ["method", "layers or bond", "fidelity", "least", "PSNR, dB", "CX", "depth", "two-qubit depth"]
    return Table(columns=columns, rows=body, caption=f"Means over {pictures_counted(rows, 'fidelity')}")


def plot(rows: Sequence[Row]) -> "Figure":
    """Infidelity against CX and PSNR against CX."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    for ax, label in zip(axes, ("1 − fidelity", "PSNR, dB"), strict=True):
        curves = {}
        for method in dict.fromkeys(row.method for row in rows):
            sizes = sorted({row.size for row in rows if row.method == method})
            groups = [[row for row in rows if (row.method, row.size) == (method, size)] for size in sizes]
            x = [max(1.0, finite_mean(row.cx for row in group)) for group in groups]
            if ax is axes[0]:
                y = [max(1e-12, 1 - finite_mean(row.fidelity for row in group)) for group in groups]
            else:
                y = [finite_mean(row.psnr_db for row in group) for group in groups]
            curves[method] = (x, y)
        if curves:
            plot_curves(curves, x_label="CX", y_label=label, ax=ax)
        ax.set_xlabel("CX")
        plain_log_axis(ax, "x")
    axes[0].set_yscale("log")
    return figure
