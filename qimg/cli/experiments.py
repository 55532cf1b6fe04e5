"""`qimg experiments`: the experiments listed, or one of them run, as by `python -m experiments`."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def ours(name: str) -> Any:
    """A module of the experiments that were installed with qimg, whatever the working folder holds of that name."""
    root = str(Path(__file__).parents[2])
    if sys.path[0] != root:
        sys.path.insert(0, root)
    return import_module(name)


def main(arguments: list[str]) -> None:
    """List the experiments, or run one, wherever the command is called from."""
    ours("experiments.__main__").main(arguments)
