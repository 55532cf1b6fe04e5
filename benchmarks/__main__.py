"""`python -m benchmarks` prints every ratio beside its target, and the machine it ran on."""

import os
import platform
import statistics
import subprocess
import sys

from benchmarks import operators, simulator
from qimg.report import Table


def machine() -> str:
    """Processor, cores and versions."""
    import numpy
    import qiskit
    import qiskit_aer

    model = platform.processor() or platform.machine()
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, "
        f"NumPy {numpy.__version__}, Qiskit {qiskit.__version__}, Aer {qiskit_aer.__version__}"
    )


def import_seconds(statement: str, repeats: int = 7) -> float:
    """Median time of a statement in a fresh interpreter, the interpreter's own start not counted."""
    script = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        for _ in range(repeats)
    ]
    return statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    """Run everything; about two minutes."""
    comparisons = [operators.from_patches(21), operators.from_planes(21), operators.batched_transform(21)]
    simulated, errors = simulator.compare(9)
    comparisons += simulated
    rows = [
        [one.what, 1e3 * one.ours_seconds, one.peer, 1e3 * one.peer_seconds, one.figure, one.value, one.target]
        for one in comparisons
    ]
    columns = ["what", "ours, ms", "peer", "peer, ms", "figure", "value", "target"]
    print(Table(columns=columns, rows=rows, caption=machine()).to_text())
    print()
    for name, value in errors.items():
        print(f"{name}: {value:.2e}")
    cx = simulator.preparation_cx()
    print(f"CX of exact preparation, random real states of 6 qubits: {min(cx)} to {max(cx)}")
    ours, numpy = import_seconds("import qimg"), import_seconds("import numpy")
    print(f"import qimg: {ours:.3f} s (target < 0.5), of which numpy {numpy:.3f} s")
    peaks = ", ".join(f"{n:,}: {mib:.1f} MiB" for n, mib in operators.memory())
    print(f"peak memory of fitting n pictures of 256 × 256: {peaks}")


if __name__ == "__main__":
    main()
