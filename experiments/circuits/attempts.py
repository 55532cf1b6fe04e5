"""Repeated runs of an estimator, some of which may be refused for too few shots or stages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from experiments._run import timed
from qimg.core import ArgumentError

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class Attempts(Generic[T]):
    """Results of several seeds."""

    results: list[T]
    refused: int
    """Runs without a result: their shots give no interval that excludes the least possible value."""
    seconds: float
    """Mean time of a result; not a number without one."""


def attempts(one: Callable[[int], T], seeds: Iterable[int]) -> Attempts[T]:
    """One run for each seed.

    Raises:
        ValueError: what the estimator raises, except for too few shots or stages.
    """
    results, refused, seconds = [], 0, 0.0
    for seed in seeds:
        try:
            result, took = timed(one, seed)
        except ArgumentError as error:
            # The template is the same whichever way the interface spells arguments.
            if error.names not in (("shots",), ("stages",)) or not error.template.startswith("{0} must be at least"):
                raise
            refused += 1
        else:
            results.append(result)
            seconds += took
    return Attempts(results=results, refused=refused, seconds=seconds / len(results) if results else float("nan"))
