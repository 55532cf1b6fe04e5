"""The `run` of experiments that measure one picture after the other, independent of each other."""

from collections.abc import Callable
from typing import Any, Protocol

from experiments._run.parameters import check
from experiments._run.pictures import Picture, Track


class Run(Protocol):
    """`run(params, *, track)` of an experiment."""

    def __call__(self, params: Any, *, track: Track = iter) -> list[Any]:
        """All rows; the same for the same parameters, apart from the columns in seconds."""


def per_picture(rows_of: Callable[[Picture, Any], list[Any]]) -> Run:
    """`run` of an experiment whose `rows_of(picture, params)` gives the rows of one picture."""

    def run(params: Any, *, track: Track = iter) -> list[Any]:
        check(params)
        return [row for picture in track(params.gather().pictures) for row in rows_of(picture, params)]

    return run
