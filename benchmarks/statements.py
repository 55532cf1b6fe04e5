"""The size of the project: statements of its syntax trees, docstrings excluded, by room."""

import ast
import subprocess
from collections import Counter
from pathlib import Path, PurePosixPath

from qimg.report import Table

ROOT = Path(__file__).parents[1]
PARTS = ("qimg", "circuits", "experiments", "benchmarks", "docs")


def statements(source: str) -> int:
    """Number of statements of a module at any depth, without docstrings and other string literals that stand alone."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    return sum(not (isinstance(node, ast.Expr) and is_string(node.value)) for node in nodes)


def is_string(node: ast.expr) -> bool:
    """Whether an expression is a literal string."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def room(path: PurePosixPath) -> str:
    """Top folder of a file; in `qimg` the folder below it."""
    return "/".join(path.parts[:2]) if path.parts[0] == "qimg" and len(path.parts) > 2 else path.parts[0]


def table() -> Table:
    """Files and statements of all rooms, from the files that git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", *(f"{part}/*.py" for part in PARTS)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files, counts = Counter[str](), Counter[str]()
    for name in listed.stdout.split():
        path = PurePosixPath(name)
        files[room(path)] += 1
        counts[room(path)] += statements((ROOT / path).read_text("utf-8"))
    rows = [[name, files[name], count] for name, count in counts.most_common()]
    rows.append(["together", files.total(), counts.total()])
    return Table(columns=["room", "files", "statements"], rows=rows, caption="Statements, docstrings excluded")
