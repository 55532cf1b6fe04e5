"""The codec's compiled loops: nothing that they return holds a reference, since they count none."""

import numpy as np
import pytest

from qimg.arguments import Array
from qimg.codec import model
from qimg.codec.compiled import compiled


def test_numba_leaves_the_counting_out():
    # without this option, which Numba does not document, decoding takes several times as long
    assert model.code_bit.targetoptions["_nrt"] is False


def test_loops_see_tuples_of_arrays():
    @compiled(cache=False)
    def total(both: tuple[Array, Array], limit: int) -> int:
        found = 0
        for k in range(len(both[0])):
            if found < limit:
                found += both[0][k] * both[1][k]
        return found

    assert total((np.arange(5), np.arange(5)), 14) == 14


def test_options_are_passed_on():
    @compiled(fastmath=True, cache=False)
    def largest(values: Array) -> float:
        most = 0.0
        for k in range(len(values)):
            most = max(most, values[k])
        return most

    assert largest(np.array([3.0, 5.0, 2.0])) == 5.0
    assert largest.targetoptions["fastmath"] is True


def test_functions_that_return_arrays_are_refused():
    def same(values: Array) -> Array:
        return values

    def silent(values: Array):
        return values

    for function in (same, silent):
        with pytest.raises(TypeError, match=f"{function.__name__} must return None, numbers or a tuple of numbers"):
            compiled(function)
