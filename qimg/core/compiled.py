"""The compiler of all loops: Numba with one set of options, one cache, and one notice when something is compiled."""

import logging
from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any, NoReturn, TypeVar, overload

import numpy as np
from numba import njit, types
from numba.core import event
from numba.core.caching import NullCache
from numba.core.options import DefaultOptions
from numba.core.registry import CPUDispatcher

from qimg.core.compiled_cache import cache_of

F = TypeVar("F", bound=Callable[..., Any])
_UNCOUNTED: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
_NO_WAY_IN = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_NUMBERS = (bool, int, float, np.number)
_log = logging.getLogger(__name__)


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(*, allocates: bool = False, cache: bool = True, **options: Any) -> Callable[[F], F]: ...
def compiled(function: Any = None, *, allocates: bool = False, cache: bool = True, **options: Any) -> Any:
    """Compile a function of numbers, arrays and tuples of them; Python's other threads run meanwhile.

    `@compiled`, or `@compiled(fastmath=True)` with options of `numba.njit`. The first process that calls the function
    compiles it; later ones find it in the cache.

    Numba counts the references to every array that a function touches, by atomic additions, and sees that they cancel
    only where there are no branches between them (numba issue 2350). In loops over bits and coefficients, which see
    their state as tuples of arrays, that took three quarters of the time of decoding. The caller holds whatever such a
    function sees, so nothing has to be counted. `_nrt` is how Numba spells this for its own loops; where it is not
    known the function is merely slower.

    Numba refuses to compile it where it, or a function that it calls, makes an array; assignments from one array to
    another do. Returned arrays, of which the caller would give back a reference that nobody counted, are refused here:
    the annotation has to say what is returned. With `inline="always"` the function becomes a part of its callers before
    there is anything to count, and may return what it likes.

    Args:
        function: the function.
        allocates: whether it makes or returns arrays; then references are counted.
        cache: whether the compiled code is kept for later processes.
        options: of `numba.njit`.

    Raises:
        TypeError: the function does not say that it returns None or numbers, and does not allocate.
    """
    if function is None:
        return partial(compiled, allocates=allocates, cache=cache, **options)
    returned = function.__annotations__.get("return", Any)
    parts = getattr(returned, "__args__", (returned,))
    numbers = all(part is None or (isinstance(part, type) and issubclass(part, _NUMBERS)) for part in parts)
    if not (numbers or allocates or options.get("inline") == "always"):
        raise TypeError(f"{function.__qualname__} must return None, numbers or a tuple of numbers, but says {returned}")
    dispatcher: Any = njit(**{"nogil": True} | ({} if allocates else _UNCOUNTED) | options)(function)
    if isinstance(dispatcher, CPUDispatcher):  # not with NUMBA_DISABLE_JIT=1
        dispatcher.__class__ = _Compiled
        loop: Any = dispatcher
        if cache:
            loop._cache = cache_of(function)
    return dispatcher


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
    dispatcher = compiled(function, **_NO_WAY_IN, **options)
    if isinstance(dispatcher, CPUDispatcher):
        dispatcher.__class__ = _Inner
    return dispatcher


def _general(kind: Any, annotation: Any) -> Any:
    """The type that a function is compiled for: a variable that begins as t = 3, an int8 and an int64 have the same."""
    kind = types.unliteral(kind)
    narrow = isinstance(kind, types.Integer) and kind.bitwidth < 64  # type: ignore[attr-defined]
    return types.int64 if annotation is int and narrow else kind


class _Compiled(CPUDispatcher):
    """Numba would compile what is called with a literal, an int8 and an int64 three times."""

    _cache: Any

    def get_call_template(self, args: Any, kws: Any) -> Any:
        annotations = [one.annotation for one in signature(self.py_func).parameters.values()]
        general = [_general(one, annotation) for one, annotation in zip(args, annotations, strict=False)]
        return super().get_call_template(general, {name: types.unliteral(one) for name, one in kws.items()})


class _Inner(_Compiled):
    """Called from Python, Numba's own class would jump to a way in that is not there, and end the interpreter."""

    def __call__(self, *arguments: Any, **named: Any) -> NoReturn:
        raise TypeError(f"{self.py_func.__qualname__} can be called by compiled functions only")


class _Notice(event.Listener):
    """One record of level INFO in the log when a process first compiles something: the command line shows it."""

    def __init__(self) -> None:
        self.due = True

    def on_start(self, event: Any) -> None:
        dispatcher = event.data["dispatcher"]
        if self.due and isinstance(dispatcher, _Compiled):
            self.due = False
            lost = isinstance(dispatcher._cache, NullCache)
            _log.info(
                "compiling for the first use, 10 to 30 s, %s",
                "in every process, since no folder for it can be written" if lost else "once (see `qimg warmup`)",
            )

    def on_end(self, event: Any) -> None:
        """Nothing is logged."""


_NOTICE = _Notice()
event.register("numba:compile", _NOTICE)
