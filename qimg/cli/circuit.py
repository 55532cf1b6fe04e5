"""The `qimg circuit` commands: encode a patch of a picture as a circuit, transform it, run it on a backend."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from qimg.cli import placeholders
from qimg.cli.circuit_results import folder_to_create, measured_coefficients, measured_pixels, write_results
from qimg.cli.progress import bar
from qimg.cli.reading import Reading
from qimg.core import Array, arguments_named, integer, require, to_write

if TYPE_CHECKING:
    from circuits import EncodedImage


@dataclass(frozen=True, kw_only=True)
class Patch(Reading):
    """Selection of a patch and its encoding as a circuit."""

    patch: Annotated[str, tyro.conf.arg(metavar="R,C")] = "0,0"
    """Row and column of the patch in the grid of patches: R,C."""
    size: int = 8
    """Rows and columns of a patch."""
    representation: Annotated[str, tyro.conf.arg(metavar="REPRESENTATION")] = "amplitude"
    """Encoding of the pixels in amplitudes, angles or basis states: amplitude, dct, frqi, mcrqi, frqci, neqr, ineqr,
    ifrqi, or one of yours, module:object."""
    order: Annotated[str, tyro.conf.arg(metavar="{row_major,morton,blocks}")] = "row_major"
    """Order of the pixels."""
    kept: int = 64
    """Number of DCT coefficients to load, of 64; for dct only."""
    save: Annotated[tuple[str, ...], tyro.conf.arg(metavar="PATH ...")] = ()
    """Files to write the circuit to: NAME.qasm (OpenQASM 3), NAME.qpy."""
    width: int = 120
    """Largest width of the drawing in characters; 0 draws nothing."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Backend that runs the circuit."""

    backend: Annotated[str, tyro.conf.arg(metavar="NAME")] = "statevector"
    """statevector, density_matrix, matrix_product_state, generic, fake_<device> or ibm_<device>."""
    shots: int = 4096
    """Shots of each circuit."""
    seed: int = 0
    """Seed of a simulator's shots."""
    bond_dimension: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Largest bond dimension of matrix_product_state."""
    threshold: Annotated[float | None, tyro.conf.arg(metavar="FLOAT")] = None
    """Largest squared weight that matrix_product_state discards at each gate."""
    gpu: bool = False
    """Run an ideal simulator on the GPU."""


def encode(photo: placeholders.Photo, /, *, patch: tyro.conf.OmitArgPrefixes[Patch] = Patch()) -> None:
    """Draw the circuit that loads a patch, and print its gates.

    Args:
        photo: An image file, or the name of a photograph bundled with scikit-image.
        patch: Selection of a patch and its encoding as a circuit.
    """
    import circuits

    pixels, encoded = _encoded(photo, patch)
    circuit = circuits.image_circuit(encoded)
    _show(circuit, patch)
    exact = circuits.decode_state(encoded, circuits.image_state(encoded))
    print(f"read exactly: {_compared(pixels, exact)}")


def transform(
    photo: placeholders.Photo,
    /,
    *,
    name: Annotated[str, tyro.conf.arg(metavar="NAME")] = "dct_2d",
    patch: tyro.conf.OmitArgPrefixes[Patch] = Patch(),
) -> None:
    """Draw the circuit that loads and transforms a patch; print its coefficients and their error.

    Args:
        photo: An image file, or the name of a photograph bundled with scikit-image.
        name: qft, dct, haar or walsh; append _2d to transform rows and columns.
        patch: Selection of a patch and its encoding as a circuit.
    """
    import circuits

    _, encoded = _encoded(photo, patch)
    circuit = _transformed(encoded, name)
    _show(circuit, patch)
    by_circuit = circuits.statevectors(circuit)[0] * encoded.norm
    by_matrix = circuits.transform_unitary(name, encoded.n_qubits) @ circuits.image_state(encoded) * encoded.norm
    shape = (2 ** ((encoded.n_qubits + 1) // 2), -1)
    if np.iscomplexobj(by_matrix):
        _print_block("coefficients of the circuit, moduli", np.abs(by_circuit).reshape(shape))
    else:
        _print_block("coefficients of the circuit", by_circuit.real.reshape(shape))
    print(f"largest difference from the matrix product: {np.abs(by_circuit - by_matrix).max():.1e}")


def run(
    photo: placeholders.Photo,
    /,
    *,
    transform: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None,
    out: placeholders.OptionalPath = None,
    draw: bool = False,
    patch: tyro.conf.OmitArgPrefixes[Patch] = Patch(),
    machine: tyro.conf.OmitArgPrefixes[Machine] = Machine(),
) -> None:
    """Load a patch on a backend and measure it; print the original and the recovered patch.

    Args:
        photo: An image file, or the name of a photograph bundled with scikit-image.
        transform: Measure coefficients instead of pixels: dct, haar or walsh; append _2d to transform rows and
            columns. Interference measures the signs, with one additional setting for each qubit. Coefficients whose
            sign it leaves undetermined are dropped if they are weak; otherwise a reference measures all signs.
        out: New folder for the recovered patch (picture.png), the pixels' 95 % intervals (intervals.csv) and the
            counts (counts.csv).
        draw: Draw the circuit.
        patch: Selection of a patch and its encoding as a circuit.
        machine: Backend that runs the circuit.
    """
    import circuits

    folder = None if out is None else folder_to_create(out)
    pixels, encoded = _encoded(photo, patch)
    integer("shots", machine.shots, 1)
    with arguments_named(name="transform"):
        circuit = circuits.image_circuit(encoded) if transform is None else _transformed(encoded, transform, real=True)
    device = _device(machine, encoded.n_qubits)
    _show(circuit, patch, draw=draw)
    options = {"shots": machine.shots, "seed": machine.seed}
    if transform is None:
        if machine.backend == "generic" and encoded.n_qubits >= 10:
            print(f"{machine.shots} shots with noise on {encoded.n_qubits} qubits can take minutes", file=sys.stderr)
        with bar("256 shots each") as track:
            measured = measured_pixels(circuit, encoded, device, track=track, **options)
    else:
        measured = measured_coefficients(circuit, encoded, device, transform=transform, **options)
    if machine.bond_dimension is not None or machine.threshold is not None:
        cut = circuits.run_truncated(circuit, bond_dimension=machine.bond_dimension, threshold=machine.threshold)
        print(f"bond dimension {cut.bond_dimension}, discarded weight {cut.discarded_weight:.3g}")
    print(_counted(measured.counts[0], encoded.n_qubits))
    if measured.note:
        print(measured.note)
    for plane, name in enumerate(("original", "recovered") if pixels.ndim == 2 else ()):
        _print_block(name, (pixels, measured.picture)[plane])
    print(f"{machine.shots} shots on {machine.backend}: {_compared(pixels, measured.picture)}")
    if measured.intervals is not None and circuits.representation_of(encoded).has_intervals:
        low, high = measured.intervals
        inside = float(((low <= pixels) & (pixels <= high)).mean())
        width = float((high - low).mean())
        print(f"95 % intervals from shots alone: {width:.1f} code values wide, {inside:.0%} of the pixels inside")
    if folder is not None:
        names = write_results(measured, folder, n_qubits=encoded.n_qubits)
        print(f"written to {folder}: {', '.join(names)}")


def _encoded(photo: str, patch: Patch) -> "tuple[Array, EncodedImage]":
    import circuits
    from qimg import images

    representation = circuits.representation_of(patch.representation)
    for file in patch.save:
        ending = Path(file).suffix.lower()
        require(ending in (".qasm", ".qpy"), "save", "must name files that end in .qasm or .qpy", file)
        require(Path(file).absolute().parent.is_dir(), "save", "must be in an existing folder", file)
        to_write(file, overwrite=False)
    is_bundled = photo in images.BUNDLED and not Path(photo).exists()
    image = images.without_alpha(images.bundled(photo) if is_bundled else images.load(photo, **patch.options))
    colour = representation.in_colour
    values = images.to_uint8(images.code_values(image)) if colour else images.to_uint8(images.luma(image))
    require(not colour or values.ndim == 3, "photo", f"must be a colour image for {patch.representation}", photo)
    size = integer("size", patch.size, 2, 32)
    row, column = _place(patch.patch)
    height, width = values.shape[:2]
    pixels = values[row * size : (row + 1) * size, column * size : (column + 1) * size]
    inside = 0 <= row < -(-height // size) and 0 <= column < -(-width // size)
    require(inside, "patch", f"must lie in the {-(-height // size)}×{-(-width // size)} patches", patch.patch)
    kept = patch.kept if representation.takes_kept else None
    require(kept is not None or patch.kept == 64, "kept", "has no effect without dct", patch.kept)
    return pixels, circuits.encode_image(pixels, representation.name, order=patch.order, kept=kept)


def _place(text: str) -> tuple[int, int]:
    parts = text.split(",")
    require(len(parts) == 2 and all(part.strip().isdigit() for part in parts), "patch", "must be R,C", text)
    return int(parts[0]), int(parts[1])


def _transformed(encoded: "EncodedImage", name: str, *, real: bool = False) -> Any:
    import circuits

    require(
        encoded.representation == "amplitude",
        "representation",
        "must be amplitude to transform",
        encoded.representation,
    )
    require(encoded.order == "row_major", "order", "must be row_major to transform", encoded.order)
    require(not name.startswith("klt"), "name", "must be a transform without a model: dct, haar, walsh, qft", name)
    is_complex = name.startswith("qft")
    require(not (real and is_complex), "transform", "must be real: interference gives signs, not phases", name)
    circuit = circuits.image_circuit(encoded)
    return circuit.compose(circuits.transform_circuit(name, encoded.n_qubits))


def _device(machine: Machine, n_qubits: int) -> Any:
    import circuits

    options: dict[str, Any] = {"bond_dimension": machine.bond_dimension, "threshold": machine.threshold}
    if machine.backend == "generic":
        options["n_qubits"] = max(8, n_qubits)
    with arguments_named(name="backend"):
        return circuits.backend(machine.backend, gpu=machine.gpu, **options)


def _show(circuit: Any, patch: Patch, *, draw: bool = True) -> None:
    import circuits
    from qimg.core import write_atomically

    if draw and patch.width:
        print(circuits.draw_circuit(circuit, width=patch.width))
    cost = circuits.count_gates(circuit)
    print(f"{circuit.num_qubits} qubits, {cost.cx} CX, {cost.one_qubit} one-qubit gates, depth {cost.depth}")
    for file in patch.save:
        write_atomically(Path(file), circuits.circuit_bytes(circuit, Path(file).suffix.lower()), overwrite=False)
        print(f"circuit: {file}")


def _counted(counts: Array, n_qubits: int, *, most: int = 8) -> str:
    order = np.argsort(counts)[::-1][:most]
    outcomes = ", ".join(f"{k:0{n_qubits}b}: {counts[k]}" for k in order if counts[k])
    occurred = int((counts > 0).sum())
    return f"{occurred} of {len(counts)} outcomes occurred; the most frequent: {outcomes}"


def _print_block(title: str, block: Array) -> None:
    print(f"{title}:")
    for row in np.asarray(block):
        print(" ".join(f"{value:7.1f}" if block.dtype.kind == "f" else f"{value:3d}" for value in row))


def _compared(pixels: Array, decoded: Array) -> str:
    from qimg.metrics import psnr_db

    if np.array_equal(pixels, decoded):
        return "all pixels are equal"
    return f"PSNR {psnr_db(pixels, decoded, data_range=255):.2f} dB"


COMMAND = {"encode": encode, "transform": transform, "run": run}
