"""One BLAS thread for restoration: its products and factors of single classes are too small for more."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def in_one_blas_thread(function: Callable[P, R]) -> Callable[P, R]:
    """The function, NumPy's and SciPy's BLAS in one thread while it works: the same bits for any number of them."""

    @wraps(function)
    def limited(*arguments: P.args, **options: P.kwargs) -> R:
        import scipy.linalg  # noqa: F401 (its BLAS can be limited only once it is there)

        with threadpool_limits(1, user_api="blas"):
            return function(*arguments, **options)

    return limited
