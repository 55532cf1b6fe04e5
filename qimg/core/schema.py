"""Checks of values from files against the type annotations of the code that uses them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np


def require_type(name: str, value: object, hint: Any) -> None:
    """Raise `ValueError` unless a value is of an annotated type, to any depth.

    Data classes, lists, tuples, dicts, unions, arrays and plain types are checked; any other annotation accepts all.
    An int is accepted as a float, but a bool is no number.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if not any(_is_of(name, value, one) for one in inner):
            raise ValueError(f"{name} must be {hint}, but is {_shown(value)}")
    elif origin is np.ndarray or hint is np.ndarray:
        _require(isinstance(value, np.ndarray), name, "an array", value)
    elif origin in (list, tuple, dict) or hint in (list, tuple, dict):
        kind = origin or hint
        _require(isinstance(value, kind), name, f"a {kind.__name__}", value)
        _require_members(name, value, kind, inner)
    elif is_dataclass(hint) and isinstance(hint, type):
        _require(isinstance(value, hint), name, f"a record {hint.__name__}", value)
        hints = get_type_hints(hint)
        for field in fields(hint):
            require_type(f"{name}.{field.name}", getattr(value, field.name), hints[field.name])
    elif hint is float:
        _require(isinstance(value, int | float) and not isinstance(value, bool), name, "a number", value)
    elif hint in (int, str, bool, NoneType):
        _require(
            isinstance(value, hint) and (hint is not int or not isinstance(value, bool)), name, hint.__name__, value
        )


def _require_members(name: str, value: Any, kind: type, inner: tuple[Any, ...]) -> None:
    if kind is dict and inner:
        for key, one in value.items():
            require_type(f"a key of {name}", key, inner[0])
            require_type(f"{name}[{key!r}]", one, inner[1])
    elif kind is tuple and inner and inner[-1] is not Ellipsis:
        _require(len(value) == len(inner), name, f"of length {len(inner)}", value)
        for number, (one, hint) in enumerate(zip(value, inner, strict=True)):
            require_type(f"{name}[{number}]", one, hint)
    elif inner:
        for number, one in enumerate(value):
            require_type(f"{name}[{number}]", one, inner[0])


def _is_of(name: str, value: object, hint: Any) -> bool:
    try:
        require_type(name, value, hint)
    except ValueError:
        return False
    return True


def _require(holds: bool, name: str, what: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{name} must be {what}, but is {_shown(value)}")


def _shown(value: object) -> str:
    return f"a {type(value).__name__}" if isinstance(value, Mapping | list | np.ndarray) else repr(value)[:80]
