"""The progress protocol: a callable that wraps an iterable of known length and yields its items."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Track: TypeAlias = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps an iterable to report progress; `iter` reports nothing."""


def ticked(results: Iterable[T], count: int, track: Track) -> Iterator[T]:
    """The results of `count` steps; `track` counts a result when the next one is requested."""
    ticks = iter(track(range(count)))
    next(ticks, None)  # shows the bar; each further step counts one result
    for result in results:
        yield result
        next(ticks, None)
