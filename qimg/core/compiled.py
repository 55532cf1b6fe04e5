"""The compiler of the codec's loops: Numba without reference counts, and with a way in from Python only where asked."""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, TypeVar, overload

import numpy as np
from numba import njit, types
from numba.core.options import DefaultOptions
from numba.core.registry import CPUDispatcher

F = TypeVar("F", bound=Callable[..., Any])
_UNCOUNTED: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
_NO_WAY_IN = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_kind: Any = types.unliteral  # has no annotations
_NUMBERS = (bool, int, float, np.number)


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(**options: Any) -> Callable[[F], F]: ...
def compiled(function: Any = None, **options: Any) -> Any:
    """Compile a function that makes no array and returns none; it may take arrays and tuples of them, and fill them.

    `@compiled`, or `@compiled(fastmath=True)` with options of `numba.njit`.

    Numba counts the references to every array that a function touches, by atomic additions, and sees that they cancel
    only where there are no branches between them (numba issue 2350). In loops over bits and coefficients, which see
    their state as tuples of arrays, that took three quarters of the time of decoding. The caller holds whatever such a
    function sees, so nothing has to be counted. `_nrt` is how Numba spells this for its own loops; where it is not
    known the function is merely slower.

    Numba refuses to compile it where it, or a function that it calls, makes an array; assignments from one array to
    another do. Returned arrays, of which the caller would give back a reference that nobody counted, are refused here:
    the annotation has to say what is returned. With `inline="always"` the function becomes a part of its callers before
    there is anything to count, and may return what it likes.

    Raises:
        TypeError: the function does not say that it returns None or numbers.
    """
    if function is None:
        return partial(compiled, **options)
    returned = function.__annotations__.get("return", Any)
    parts = getattr(returned, "__args__", (returned,))
    numbers = all(part is None or (isinstance(part, type) and issubclass(part, _NUMBERS)) for part in parts)
    if not numbers and options.get("inline") != "always":
        raise TypeError(f"{function.__qualname__} must return None, numbers or a tuple of numbers, but says {returned}")
    found = njit(**{"cache": True} | _UNCOUNTED | options)(function)
    if isinstance(found, CPUDispatcher):  # not with NUMBA_DISABLE_JIT=1
        found.__class__ = _Compiled
    return found


@overload
def inner(function: F) -> F: ...
@overload
def inner(**options: Any) -> Callable[[F], F]: ...
def inner(function: Any = None, **options: Any) -> Any:
    """As `compiled`, for a function that only compiled functions call: from Python it raises TypeError.

    The way in from Python takes records of fifty arrays apart; compiling it takes longer than compiling the loop.
    With `NUMBA_DISABLE_JIT=1` nothing is compiled, and the function can be called.
    """
    if function is None:
        return partial(inner, **options)
    found = compiled(function, **_NO_WAY_IN, **options)
    if isinstance(found, CPUDispatcher):
        found.__class__ = _Inner
    return found


class _Compiled(CPUDispatcher):
    """A variable that begins as t = 3 is of two types for Numba, which would compile what is called with it twice."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return super().get_call_template([_kind(one) for one in args], {name: _kind(one) for name, one in kws.items()})


class _Inner(_Compiled):
    """Called from Python, Numba's own class would jump to a way in that is not there, and end the interpreter."""

    def __call__(self, *arguments: Any, **named: Any) -> NoReturn:
        raise TypeError(f"{self.py_func.__qualname__} can be called by compiled functions only")
