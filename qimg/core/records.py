"""Short texts of records: what a notebook or a debugger shows of a dataclass or named tuple with large fields."""

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence, Set
from typing import Any, TypeVar

import numpy as np

WIDTH = 100
"""Columns of a text."""

_FEW = 6  # elements that are written out
_LONG = 120  # characters of any other value
_DEEP = 2

C = TypeVar("C", bound=type)


def short_repr(cls: C) -> C:
    """Class decorator for a dataclass or named tuple: `repr` with shapes instead of arrays, lengths instead of bytes.

    It stands above `dataclass`, and leaves out the fields that are declared with `repr=False`. The text is one screen
    and cannot be evaluated.
    """
    cls.__repr__ = _record  # type: ignore[assignment]
    return cls


def _record(record: Any) -> str:
    text = _fields(record, 0)
    return "\n".join(textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False))


def _fields(record: Any, depth: int) -> str:
    if dataclasses.is_dataclass(record):
        names = [field.name for field in dataclasses.fields(record) if field.repr]
    else:
        names = list(record._fields)
    inside = ", ".join(f"{name}={short(getattr(record, name), depth + 1)}" for name in names)
    return f"{type(record).__qualname__}({inside if depth < _DEEP else '…'})"


def short(value: Any, depth: int = 0) -> str:
    """A value in at most a few words."""
    if getattr(type(value), "__repr__", None) is _record:
        return _fields(value, depth)
    if isinstance(value, np.ndarray):
        if value.size <= _FEW and value.dtype.kind in "biufc":
            return np.array2string(value, precision=4, separator=", ", max_line_width=10_000).replace("\n", "")
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value):,} bytes>" if len(value) > _FEW else repr(value)
    if isinstance(value, float):
        return f"{float(value):.6g}"
    if isinstance(value, Mapping):
        return _listed("{}", [f"{key!r:.40}: {short(value[key], depth + 1)}" for key in list(value)[:_FEW]], len(value))
    if isinstance(value, Sequence | Set) and not isinstance(value, str):
        parts = [short(part, depth + 1) for _, part in zip(range(_FEW), value, strict=False)]
        return _listed("[]" if isinstance(value, list) else "{}" if isinstance(value, Set) else "()", parts, len(value))
    text = " ".join(repr(value).split())
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _listed(ends: str, parts: list[str], count: int) -> str:
    more = [f"… {count} in all"] if count > len(parts) else []
    comma = "," if ends == "()" and count == 1 else ""
    return f"{ends[0]}{', '.join([*parts, *more])}{comma}{ends[1]}"
