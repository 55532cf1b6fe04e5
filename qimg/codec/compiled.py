"""The compiler of the codec's inner loops: Numba without reference counts."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numba.core.options import DefaultOptions

_UNCOUNTED: dict[str, Any] = {"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {}
_NUMBERS = (bool, int, float, np.number)


def compiled(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function that makes no array and returns none; it may take arrays and tuples of them, and fill them.

    `@compiled`, or `@compiled(fastmath=True)` with options of `numba.njit`.

    Numba counts the references to every array that a function touches, by atomic additions, and sees that they cancel
    only where there are no branches between them (numba issue 2350). In loops over bits and coefficients, which see
    their state as tuples of arrays, that took three quarters of the time of decoding. The caller holds whatever such a
    function sees, so nothing has to be counted. `_nrt` is how Numba spells this for its own loops; where it is not
    known the function is merely slower.

    Numba refuses to compile it where it, or a function that it calls, makes an array; assignments from one array to
    another do. Returned arrays, of which the caller would give back a reference that nobody counted, are refused here:
    the annotation has to say what is returned.

    Raises:
        TypeError: the function does not say that it returns None or numbers.
    """
    if function is None:
        return partial(compiled, **options)
    returned = function.__annotations__.get("return", Any)
    parts = getattr(returned, "__args__", (returned,))
    if not all(part is None or (isinstance(part, type) and issubclass(part, _NUMBERS)) for part in parts):
        raise TypeError(f"{function.__qualname__} must return None, numbers or a tuple of numbers, but says {returned}")
    return njit(**{"cache": True} | _UNCOUNTED | options)(function)
