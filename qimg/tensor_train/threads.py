"""One BLAS thread for sweeps: their many small products and eigenproblems lose time to more."""

from contextlib import AbstractContextManager
from typing import Any

from threadpoolctl import ThreadpoolController

_LIBRARIES = ThreadpoolController()
"""Found once: to look for the loaded libraries at every call takes as long as several cuts."""


def one_blas_thread() -> AbstractContextManager[Any]:
    """A block in which NumPy's BLAS works in one thread."""
    return _LIBRARIES.limit(limits=1, user_api="blas")
