"""One BLAS thread: many small products and factors lose time to more, and their bits would depend on how many."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _libraries() -> ThreadpoolController:
    """NumPy's and SciPy's BLAS, looked for once: the search takes as long as several small decompositions."""
    import scipy.linalg  # noqa: F401 (its BLAS can be limited only once it is loaded)

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """A block in which NumPy's and SciPy's BLAS work in one thread."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit


def in_one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """The function, BLAS in one thread while it works: the same bits for any number of them."""

    @wraps(function)
    def limited(*arguments: P.args, **options: P.kwargs) -> R:
        with one_blas_thread():
            return function(*arguments, **options)

    return limited
