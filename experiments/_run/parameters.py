"""Rules for parameters, written beside their types: `qualities: Annotated[tuple[int, ...], each(whole(1, 100))]`."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeAlias, get_type_hints

from tyro.conf import arg

from qimg.core import integer, one_of, require

Rule: TypeAlias = Callable[[str, Any], object]
"""Raises a `ValueError` that names the parameter if its value violates the rule."""


def whole(low: int, high: int | None = None) -> Rule:
    """A whole number in [low, high]; `high=None` leaves the top open."""
    return lambda name, value: integer(name, value, low, high)


def among(options: Iterable[str]) -> Rule:
    """One of the named options."""
    return lambda name, value: one_of(name, value, options)


def fulfils(holds: Callable[[Any], bool], wording: str) -> Rule:
    """Any other condition; `wording` is that of the error, as in "must be positive"."""
    return lambda name, value: require(holds(value), name, wording, value)


def each(rule: Rule, *, empty: bool = False) -> Rule:
    """A tuple of values that obey a rule; at least one value unless `empty`."""

    def check_values(name: str, values: tuple[Any, ...]) -> None:
        require(empty or len(values) > 0, name, "must hold at least one value", values)
        for value in values:
            rule(name, value)

    return check_values


positive = fulfils(lambda value: value > 0, "must be positive")
not_empty = each(lambda name, value: None)
"""Values of any kind, at least one."""

Named: TypeAlias = Annotated[tuple[str, ...], arg(metavar="NAME ...")]
Sources: TypeAlias = Annotated[tuple[str, ...], arg(metavar="SOURCE ...")]
"""Files, folders, lists and sets of pictures."""
Paths: TypeAlias = Annotated[tuple[str, ...], arg(metavar="PATH ...")]

Seed = Annotated[int, whole(0)]
Count = Annotated[int, whole(1)]
Counts = Annotated[tuple[int, ...], each(whole(1))]
Qualities = Annotated[tuple[int, ...], each(whole(1, 100))]
"""Quality settings of libjpeg."""


def check(params: Any) -> None:
    """Raise `ValueError` for the first parameter of a record that violates a rule in its type."""
    for name, hint in get_type_hints(type(params), include_extras=True).items():
        for rule in filter(callable, getattr(hint, "__metadata__", ())):  # the others are placeholders of the help
            rule(name, getattr(params, name))
