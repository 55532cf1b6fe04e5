"""Quantum Hadamard edge detection (QHED): differences of neighbouring pixels as amplitudes (Yao et al., 2017)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from qiskit.circuit import QuantumCircuit

from circuits.compilation import GateCount, compile_circuit, count_gates
from circuits.execution.sampling import transform_batch
from circuits.processing.adders import constant_adder
from circuits.processing.blocks import joined_blocks, overlapping_blocks, with_border
from circuits.readout.intervals import normal_quantile, probability_interval
from circuits.seeds import stream
from qimg.core import Array, integer, one_of, real, require
from qimg.core.records import short_repr
from qimg.states import qubits_for

AXES = ("rows", "columns")
"""Differences between a row and the next one, and between a column and the next one."""

AMPLITUDES_OF_A_RUN = 2**22
"""Amplitudes that are simulated together, 64 MiB; larger pictures take several runs."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class EdgePicture:
    """Differences of neighbouring pixels of a picture (H, W), in the units of its pixels, and its edges."""

    rows: Array
    """(H, W) differences x[r + 1, c] − x[r, c]; by shots only their moduli, because signs are not measured."""
    columns: Array
    """(H, W) differences x[r, c + 1] − x[r, c]; by shots their moduli."""
    magnitude: Array
    """(H, W) roots of the sums of both squares."""
    low: Array
    """Lower ends of the intervals of the magnitude; equal to it without shots."""
    high: Array
    """Upper ends."""
    threshold: float
    """Magnitude above which a pixel is an edge."""
    edges: Array
    """(H, W) booleans."""
    success: tuple[float, float]
    """Probabilities that a shot counts a difference of rows, and one of columns, inside of the picture."""
    shots: int
    """Shots for each axis; 0 where the state itself is read."""
    blocks: int
    qubits: int
    """Qubits of the numbers of the blocks, the pixels of a block and the ancilla."""
    cost: tuple[GateCount, GateCount]
    """Gates for the rows and for the columns, without loading, which takes 2ⁿ − 2 CX for n qubits of blocks and
    pixels."""


def difference_circuit(row_qubits: int, column_qubits: int, *, axis: str) -> QuantumCircuit:
    """The circuit that takes Σ x_p |0⟩|p⟩ to amplitudes (x_p − x_p′)/2 of |1⟩|p⟩ and (x_p + x_p′)/2 of |0⟩|p⟩.

    p′ is the next pixel of the axis, cyclically. A Hadamard doubles the pixels; a decrement of the register of the
    ancilla, as its lowest bit, and the axis moves every second amplitude to the next pixel; a second Hadamard forms
    sums and differences. For an axis of n qubits the decrement takes 2n(n + 1) CX, and less below n = 4
    (`constant_adder`). Exact.

    Args:
        row_qubits: qubits of the row, above those of the column; 0 for an axis of one pixel.
        column_qubits: qubits of the column, the lowest.
        axis: "rows" for differences between a row and the next one, "columns" between columns. The ancilla is the
            highest qubit.
    """
    rows = integer("row_qubits", row_qubits, 0)
    columns = integer("column_qubits", column_qubits, 0)
    ancilla = rows + columns
    wires = {"rows": range(columns, ancilla), "columns": range(columns)}[one_of("axis", axis, AXES)]
    name = f"{axis[:-1]}_qubits"
    require(len(wires) >= 1, name, f"must be at least 1 for differences of {axis}", len(wires))
    circuit = QuantumCircuit(ancilla + 1, name=f"differences of {axis}")
    circuit.h(ancilla)
    circuit.compose(constant_adder(len(wires) + 1, -1), [ancilla, *wires], inplace=True)
    circuit.h(ancilla)
    return circuit


def edge_detection(
    image: ArrayLike,
    *,
    block: int = 16,
    mode: str = "nearest",
    threshold: float | None = None,
    shots: int | None = None,
    level: float = 0.95,
    seed: int | None = 0,
) -> EdgePicture:
    r"""Edges of a picture of any size from the differences of neighbouring pixels, by QHED on blocks.

    The picture is one state Σ x_{b,p} |b⟩|0⟩|p⟩ / ‖x‖ of blocks that overlap by one pixel; one small circuit
    (`difference_circuit`) acts on all blocks. The amplitudes of ancilla 1, times −2 ‖x‖, are the finite differences
    that `scipy.ndimage.correlate1d(image, [-1, 1], origin=-1, mode=mode)` computes, everywhere, the border included.

    Exact: Aer simulates the state; errors are those of rounding. By shots: the number k of counts of pixel p with
    ancilla 1 among all shots gives the modulus 2 ‖x‖ √(k/n). Counts are drawn from the simulated probabilities, as
    those of one register that holds all blocks, and ‖x‖ is known from loading. The interval of the magnitude combines
    Clopper–Pearson intervals of both probabilities, each of the level 1 − (1 − level)/2, and holds with the level.

    Classical baseline: 1 subtraction for each pixel and axis, where loading alone takes about one CX for each pixel
    and each shot repeats it.

    Args:
        image: (H, W) real, in any units, not zero everywhere.
        block: side of a block, a power of two in [2, 2048].
        mode: pixels beyond the last row and column as in `scipy.ndimage`: "nearest", "reflect", "mirror", "wrap" or
            "constant" (0).
        threshold: magnitude above which a pixel is an edge, in units of the pixels; when left out, twice the root mean
            square of the magnitude.
        shots: shots for each of the two axes; the state itself is read when left out.
        level: of the intervals, in (0, 1), for each pixel separately.
        seed: seed of the shots (`circuits.seeds`).

    Raises:
        ValueError: the shots count no difference with a probability above 1 − level; the message has a number that
            suffices.

    >>> edges = edge_detection([[0.0, 0.0, 9.0], [0.0, 0.0, 9.0]], block=4)
    >>> (edges.columns.round(12) + 0).tolist()
    [[0.0, 9.0, 0.0], [0.0, 9.0, 0.0]]
    """
    pixels = real("image", image)
    bordered = with_border(pixels, mode)
    require(bool(pixels.any()), "image", "must not be black: a state has norm 1", 0.0)
    blocks = overlapping_blocks(bordered, block)
    normal_quantile(level)  # checks the level
    if threshold is not None:
        require(bool(threshold >= 0), "threshold", "must not be negative", threshold)
    side = blocks.shape[-1]
    bits = qubits_for(side)
    vectors = blocks.reshape(-1, side * side)
    # Rounding of one block does not depend on others, so blocks may be simulated in several runs.
    norm = float(np.linalg.norm(vectors))
    circuits = [compile_circuit(difference_circuit(bits, bits, axis=axis)) for axis in AXES]
    shape = (pixels.shape[0], pixels.shape[1])
    differences = [joined_blocks(_differences(one, vectors).reshape(blocks.shape), shape) for one in circuits]
    # Probabilities first divide by the norm, whose square may overflow.
    probabilities = [(one / (2 * norm)) ** 2 for one in differences]
    success = (float(probabilities[0].sum()), float(probabilities[1].sum()))
    count, ends = 0, (np.zeros(shape), np.zeros(shape))
    if shots is not None:
        count = integer("shots", shots, 1)
        _require_enough(count, success, level)
        counts = [_drawn(one, count, seed, axis) for one, axis in zip(probabilities, AXES, strict=True)]
        differences = [2 * norm * np.sqrt(one / count) for one in counts]
        each = [_moduli(one, count, norm, 1 - (1 - level) / 2) for one in counts]
        ends = (np.hypot(each[0][0], each[1][0]), np.hypot(each[0][1], each[1][1]))
    magnitude = np.hypot(*differences)
    least = 2 * float(np.sqrt((magnitude**2).mean())) if threshold is None else float(threshold)
    return EdgePicture(
        rows=differences[0],
        columns=differences[1],
        magnitude=magnitude,
        low=ends[0] if count else magnitude,
        high=ends[1] if count else magnitude,
        threshold=least,
        edges=magnitude > least,
        success=success,
        shots=count,
        blocks=len(vectors),
        qubits=qubits_for(len(vectors)) + 2 * bits + 1,
        cost=(count_gates(circuits[0], optimization_level=None), count_gates(circuits[1], optimization_level=None)),
    )


def _differences(circuit: QuantumCircuit, vectors: Array) -> Array:
    """Differences (blocks, pixels) of blocks of which the circuit has the amplitudes; blocks of zeros have none."""
    pixels = vectors.shape[1]
    result = np.zeros(vectors.shape)
    step = max(1, AMPLITUDES_OF_A_RUN // (2 * pixels))
    for start in range(0, len(vectors), step):
        part = vectors[start : start + step]
        if part.any():
            loaded = np.concatenate([part, np.zeros_like(part)], axis=1)
            result[start : start + step] = -2 * transform_batch(circuit, loaded)[:, pixels:].real
    return result


def _require_enough(shots: int, success: tuple[float, float], level: float) -> None:
    """Require that every axis with differences counts one of them with a probability of at least `level`."""
    for axis, probability in zip(AXES, success, strict=True):
        # Below, differences are errors of rounding.
        if 1e-20 < probability < 1:
            needed = math.ceil(math.log(1 - level) / math.log1p(-probability))
            rule = f"must be at least {needed} to count a difference of {axis} with a probability of {level:g}"
            require(shots >= needed, "shots", rule, shots)


def _drawn(probabilities: Array, shots: int, seed: int | None, axis: str) -> Array:
    """Counts (H, W) of the differences among the shots."""
    rng = np.random.default_rng(stream(seed, "edge_detection", axis, shots, probabilities))
    inside = probabilities.ravel()
    every = np.append(inside, max(1 - inside.sum(), 0.0))
    return rng.multinomial(shots, every / every.sum())[:-1].reshape(probabilities.shape)


def _moduli(counts: Array, shots: int, norm: float, level: float) -> tuple[Array, Array]:
    """Intervals of the moduli of differences; equal counts have equal intervals, which are computed once."""
    values, places = np.unique(counts, return_inverse=True)
    low, high = (2 * norm * np.sqrt(end) for end in probability_interval(values, shots, level=level))
    return low[places].reshape(counts.shape), high[places].reshape(counts.shape)
