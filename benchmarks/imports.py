"""Time of `import qimg` in a new interpreter."""

import statistics

from benchmarks.timing import comparison, printed
from experiments._results.measurements import Measurement


def import_seconds(statement: str, repeats: int = 7) -> float:
    """Median CPU time of a statement in a new interpreter, without the start of the interpreter."""
    script = f"import time; start = time.process_time(); {statement}; print(time.process_time() - start)"
    return statistics.median(float(printed(script)) for _ in range(repeats))


def measure() -> list[Measurement]:
    """`import qimg` beside `import numpy`, which it includes."""
    seconds = import_seconds("import qimg"), import_seconds("import numpy")
    return [comparison("import qimg", seconds, "import numpy", target="≤ 0.5 s", quantity="CPU time")]
