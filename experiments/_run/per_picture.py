"""The `run` of experiments that measure each picture independently of the others."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from experiments._run.parameters import check
from experiments._run.pictures import Picture, Track
from qimg.core.fitting import Named
from qimg.core.workers import HERE, Workers
from qimg.images import map_pictures

T = TypeVar("T", bound=Named)


class Run(Protocol):
    """`run(params, *, track, workers)` of an experiment."""

    def __call__(self, params: Any, *, track: Track = iter, workers: Workers = HERE) -> list[Any]:
        """All rows; apart from times, they depend on the parameters only and not on the workers."""


def per_picture(rows_of: Callable[[Picture, Any], list[Any]]) -> Run:
    """The `run` of an experiment whose `rows_of(picture, params)` returns the rows of one picture.

    `rows_of` is a function of a module: processes of workers import it by its name.
    """

    def run(params: Any, *, track: Track = iter, workers: Workers = HERE) -> list[Any]:
        check(params)
        return rows_by_picture(rows_of, params.gather().pictures, params, track=track, workers=workers)

    return run


def rows_by_picture(
    rows_of: Callable[[T, Any], list[Any]],
    pictures: Sequence[T],
    shared: Any,
    *,
    track: Track,
    workers: Workers,
) -> list[Any]:
    """The rows of all pictures, or other items with a name, by `rows_of(picture, shared)`, in their order."""
    measured = map_pictures(rows_of, pictures, shared=shared, track=track, workers=workers, on_error="raise")
    return [row for _, rows in measured for row in rows]
