"""Circuits as text drawings and as files in OpenQASM 3 and Qiskit's QPY."""

import io
import math
from pathlib import Path

from qiskit import qasm3, qpy
from qiskit.circuit import QuantumCircuit

from circuits.compilation import compile_circuit
from qimg.core import integer, require

ENDINGS = (".qasm", ".qpy")
"""Endings of files that hold circuits."""


def draw_circuit(circuit: QuantumCircuit, *, width: int = 120) -> str:
    """The circuit as a text drawing, folded at `width` characters."""
    drawing = circuit.draw("text", fold=integer("width", width, 20), idle_wires=True)
    return str(drawing.single_string())


def circuit_bytes(circuit: QuantumCircuit, ending: str) -> bytes:
    """The content of a file with the circuit, compiled to CX and one-qubit gates, which both formats support.

    Phases of controlled parts become gates; the global phase is the last statement (`gphase`) of an OpenQASM program.

    Args:
        circuit: any circuit without parameters.
        ending: ".qasm" for OpenQASM 3, ".qpy" for QPY.
    """
    require(ending in ENDINGS, "ending", f"must be one of {', '.join(ENDINGS)}", ending)
    require(not circuit.parameters, "circuit", "must have no parameters", [str(one) for one in circuit.parameters])
    compiled = compile_circuit(circuit)
    if ending == ".qasm":
        text, phase = qasm3.dumps(compiled), math.remainder(float(compiled.global_phase), math.tau)
        # Qiskit's exporter leaves the global phase out, which is relative where the program becomes a controlled part.
        return (text if abs(phase) < 1e-12 or "gphase" in text else f"{text.rstrip()}\ngphase({phase!r});\n").encode()
    content = io.BytesIO()
    qpy.dump(compiled, content)
    return content.getvalue()


def load_circuit(path: str | Path) -> QuantumCircuit:
    """The circuit of a QPY file.

    Raises:
        ValueError: the file is not a QPY file of one circuit.
    """
    try:
        with Path(path).open("rb") as file:
            (circuit,) = qpy.load(file)
    except OSError:
        raise
    except Exception as error:  # qpy.load raises exceptions of many types
        raise ValueError(f"path must be a QPY file of one circuit, but {path}: {error}") from error
    return circuit
