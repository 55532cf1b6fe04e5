"""What `qimg circuit run` measures of a patch, and the folder that `--out` names."""

import csv
import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qimg.core import Array

if TYPE_CHECKING:
    from circuits import EncodedImage


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """Counts of a patch and what they give."""

    settings: Sequence[str]
    """What each row of `counts` measures."""
    counts: Array
    """(settings, 2**n_qubits)."""
    picture: Array
    intervals: tuple[Array, Array] | None
    """Ends of the pixels' 95 % intervals; None for pixels from transform coefficients, or without `outcomes`."""
    note: str = ""


def measured_pixels(circuit: Any, encoded: "EncodedImage", device: Any, **run: Any) -> Measured:
    """Pixels from counts of all qubits."""
    import circuits

    counts = circuits.run(circuit, device, **run)
    bounded = isinstance(circuits.representation_of(encoded), circuits.PixelProbabilities)
    return Measured(
        settings=["pixels"],
        counts=counts,
        picture=circuits.decode_counts(encoded, counts[0]),
        intervals=circuits.decode_intervals(encoded, counts[0]) if bounded else None,
    )


def measured_coefficients(
    circuit: Any, encoded: "EncodedImage", device: Any, *, transform: str, **run: Any
) -> Measured:
    """Pixels from transform coefficients, with signs by interference or, where it leaves them open, by a reference."""
    import circuits

    matrix = circuits.transform_unitary(transform, encoded.n_qubits)
    counts = circuits.measure_interference(circuit, device, **run)
    settings = ["coefficients", *(f"Hadamard on qubit {qubit}" for qubit in range(encoded.n_qubits))]
    try:
        signed = circuits.signed_amplitudes(counts)
    except ValueError:
        counts, amplitudes = _with_reference(matrix, encoded, device, transform, **run)
        settings, note = ["reference"], "interference leaves signs undetermined; a reference measures them"
    else:
        amplitudes = signed.amplitudes
        note = f"coefficients without a sign, dropped: {signed.dropped:.2%} of the shots" if signed.dropped else ""
    picture = circuits.decode_state(encoded, matrix.T @ amplitudes)
    return Measured(settings=settings, counts=counts, picture=picture, intervals=None, note=note)


def _with_reference(
    matrix: Array, encoded: "EncodedImage", device: Any, transform: str, **run: Any
) -> tuple[Array, Array]:
    """Counts (1, 2**(n + 1)) and coefficients by interference with a state whose coefficients are all equal."""
    import circuits

    flat = np.full(len(matrix), len(matrix) ** -0.5)
    circuit = circuits.prepare(circuits.reference_state(circuits.image_state(encoded), matrix.T @ flat))
    circuit = circuit.compose(circuits.transform_circuit(transform, encoded.n_qubits), range(encoded.n_qubits))
    circuit.h(encoded.n_qubits)
    counts = circuits.run(circuit, device, **run)
    return counts, circuits.signed_by_reference(counts[0], flat)[0]


def folder_to_create(out: str) -> Path:
    """The path of a folder that `write_results` can create, checked before anything is measured.

    Raises:
        OSError: it exists and is not an empty folder, or its parent is no folder.
    """
    folder = Path(out)
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(errno.EEXIST, "exists already, and results are never overwritten; name a new folder", out)
    if not folder.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "its parent is no folder", out)
    return folder


def write_results(measured: Measured, folder: Path, *, n_qubits: int) -> list[str]:
    """Write `picture.png`, `intervals.csv` and `counts.csv` to a new folder, all or none; returns their names."""
    from qimg import images
    from qimg.core.atomic import publish_folder, unfinished_folder

    with unfinished_folder(folder.absolute().parent) as partial:
        images.save(images.to_uint8(measured.picture), partial / "picture.png")
        _write_table(partial / "counts.csv", ("setting", "outcome", "count"), _counts(measured, n_qubits))
        names = ["picture.png", "counts.csv"]
        if measured.intervals is not None:
            _write_table(
                partial / "intervals.csv", ("row", "column", "plane", "value", "low", "high"), _pixels(measured)
            )
            names.append("intervals.csv")
        publish_folder(partial, [folder])
    return names


def _counts(measured: Measured, n_qubits: int) -> Iterable[Sequence[Any]]:
    width = measured.counts.shape[1].bit_length() - 1
    for setting, counts in zip(measured.settings, measured.counts, strict=True):
        for outcome in np.flatnonzero(counts):
            yield setting, f"{outcome:0{max(width, n_qubits)}b}", int(counts[outcome])


def _pixels(measured: Measured) -> Iterable[Sequence[Any]]:
    low, high = measured.intervals or (measured.picture, measured.picture)
    for place in np.ndindex(measured.picture.shape):
        row, column, plane = (*place, 0)[:3]
        yield row, column, plane, measured.picture[place], f"{low[place]:.6g}", f"{high[place]:.6g}"


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
