"""Compilation of all loops by Numba: one set of options, one cache, one log message at the first compilation."""

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
_NO_REFERENCE_COUNTS: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
_NO_WRAPPERS = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_NUMBERS = (bool, int, float, np.number)
_log = logging.getLogger(__name__)


@overload
def compiled(function: F) -> F: ...
@overload
def compiled(*, allocates: bool = False, cache: bool = True, **options: Any) -> Callable[[F], F]: ...
def compiled(function: Any = None, *, allocates: bool = False, cache: bool = True, **options: Any) -> Any:
    """Compile a function of numbers, arrays and tuples of them; it runs without Python's global interpreter lock.

    `@compiled`, or `@compiled(fastmath=True)` with options of `numba.njit`. The first process that calls the function
    compiles it; later processes load it from the cache.

    By default, Numba counts the references to every array that a function touches, by atomic additions, and removes
    counts that cancel only where no branches lie between them (numba issue 2350). In loops over bits and coefficients,
    whose state is a tuple of arrays, counting took most of the time of decoding. The caller holds references to all
    arguments of such a function, so counting is switched off by Numba's internal option `_nrt`; a Numba without this
    option compiles a slower function.

    Without counts, Numba rejects a function that creates an array, itself or in a function that it calls; assignments
    from one array to another create one. Returned arrays would lose a reference that was never counted, so `compiled`
    rejects functions whose return annotation is not None or numbers. A function with `inline="always"` is merged into
    its callers before references are counted, so that it may return anything.

    Args:
        function: the function.
        allocates: whether it creates or returns arrays; then references are counted.
        cache: whether the compiled code is stored for later processes.
        options: of `numba.njit`.

    Raises:
        TypeError: the return annotation is not None or numbers, and the function does not allocate.
    """
    if function is None:
        return partial(compiled, allocates=allocates, cache=cache, **options)
    returned = function.__annotations__.get("return", Any)
    parts = getattr(returned, "__args__", (returned,))
    numbers = all(part is None or (isinstance(part, type) and issubclass(part, _NUMBERS)) for part in parts)
    if not (numbers or allocates or options.get("inline") == "always"):
        rule = "must return None, numbers or a tuple of numbers"
        raise TypeError(f"{function.__qualname__} {rule}, but its annotation is {returned}")
    dispatcher: Any = njit(**{"nogil": True} | ({} if allocates else _NO_REFERENCE_COUNTS) | options)(function)
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
    """As `compiled`, for a function that only compiled functions call; a call from Python raises TypeError.

    The function gets no wrapper for calls from Python: a wrapper that unpacks records of fifty arrays takes longer to
    compile than the loop. With `NUMBA_DISABLE_JIT=1` nothing is compiled, and the function can be called.
    """
    if function is None:
        return partial(inner, **options)
    dispatcher = compiled(function, **_NO_WRAPPERS, **options)
    if isinstance(dispatcher, CPUDispatcher):
        dispatcher.__class__ = _Inner
    return dispatcher


def _general(kind: Any, annotation: Any) -> Any:
    """Argument type for compilation: literals lose their value, and integers annotated `int` become int64."""
    kind = types.unliteral(kind)
    narrow = isinstance(kind, types.Integer) and kind.bitwidth < 64  # type: ignore[attr-defined]
    return types.int64 if annotation is int and narrow else kind


class _Compiled(CPUDispatcher):
    """Dispatcher that compiles once for a literal, an int8 and an int64; Numba's would compile three times."""

    _cache: Any

    def get_call_template(self, args: Any, kws: Any) -> Any:
        annotations = [one.annotation for one in signature(self.py_func).parameters.values()]
        general = [_general(one, annotation) for one, annotation in zip(args, annotations, strict=False)]
        return super().get_call_template(general, {name: types.unliteral(one) for name, one in kws.items()})


class _Inner(_Compiled):
    """Dispatcher that rejects calls from Python; Numba's would jump to a missing wrapper and crash the interpreter."""

    def __call__(self, *arguments: Any, **named: Any) -> NoReturn:
        raise TypeError(f"{self.py_func.__qualname__} can be called by compiled functions only")


class _Notice(event.Listener):
    """Logs one record of level INFO at the first compilation in a process; the command line prints it."""

    def __init__(self) -> None:
        self.due = True

    def on_start(self, event: Any) -> None:
        dispatcher = event.data["dispatcher"]
        if self.due and isinstance(dispatcher, _Compiled):
            self.due = False
            uncached = isinstance(dispatcher._cache, NullCache)
            _log.info(
                "compiling for the first use, 10 to 30 s, %s",
                "in every process, since no folder for it can be written" if uncached else "once (see `qimg warmup`)",
            )

    def on_end(self, event: Any) -> None:
        """Ignore the end of a compilation."""


_NOTICE = _Notice()
event.register("numba:compile", _NOTICE)
