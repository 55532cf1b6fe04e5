"""BLAS limited to one thread.

Several threads slow down many small products and factorisations, and the last bits of their results depend on the
number of threads.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _libraries() -> ThreadpoolController:
    """Controller of NumPy's and SciPy's BLAS, cached: the search takes as long as several small decompositions."""
    import scipy.linalg  # noqa: F401 (its BLAS can be limited only once it is loaded)

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Context in which NumPy's and SciPy's BLAS use one thread."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit


def in_one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function to run with one BLAS thread, so that its results do not depend on the number of threads."""

    @wraps(function)
    def limited(*arguments: P.args, **options: P.kwargs) -> R:
        with one_blas_thread():
            return function(*arguments, **options)

    return limited
