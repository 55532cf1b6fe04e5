"""How the inner loops are compiled: what only compiled functions call needs no way in from Python.

Compiling that way in, which takes records of fifty arrays apart, takes longer than compiling the loops. A function
without it ends the interpreter when it is called from Python; with `NUMBA_DISABLE_JIT=1` all of them can be called.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = {"cache": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_njit: Any = njit  # its stub does not know these options


def inner(function: F) -> F:
    """A function that only compiled functions call."""
    compiled: F = _njit(**_OPTIONS)(function)
    return compiled


def inlined(function: F) -> F:
    """A small one that takes large records: it becomes a part of its callers, so that nothing is copied."""
    compiled: F = _njit(**_OPTIONS, forceinline=True)(function)
    return compiled
