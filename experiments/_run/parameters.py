"""Checks on parameters that are lists."""

from collections.abc import Sequence

from qimg.core.arguments import integer, require


def integers(name: str, values: Sequence[int], low: int, high: int | None = None) -> None:
    """Raise `ValueError` unless there is at least one value and each is in [low, high]."""
    not_empty(name, values)
    for value in values:
        integer(name, value, low, high)


def not_empty(name: str, values: Sequence[object]) -> None:
    """Raise `ValueError` unless there is at least one value."""
    require(len(values) > 0, name, "must hold at least one value", values)
