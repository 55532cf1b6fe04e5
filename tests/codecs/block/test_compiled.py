"""The codec's compiled loops: none counts references, so none returns any; what has no way in from Python says so."""

import numpy as np
import pytest

from qimg.codecs.block.model import contexts
from qimg.core.arguments import Array
from qimg.core.compiled import compiled, inner
from qimg.entropy import mixing as model


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


def test_inlined_functions_may_return_what_they_like():
    @compiled(inline="always", cache=False)
    def both(values: Array) -> tuple[Array, Array]:
        return values, values[1:]

    @compiled(cache=False)
    def differences(values: Array) -> int:
        here, there = both(values)
        total = 0
        for k in range(len(there)):
            total += abs(there[k] - here[k])
        return total

    assert differences(np.array([3, 5, 2])) == 5


def test_a_number_in_the_source_makes_no_type_of_its_own():
    @inner(cache=False)
    def square(value: int) -> int:
        return value * value

    @compiled(cache=False)
    def squares(count: int) -> int:
        side = 3
        total = 0
        while side < count:
            total += square(side)
            side += 1
        return total

    assert squares(6) == 9 + 16 + 25
    assert len(square.signatures) == 1


def test_inner_functions_are_called_by_compiled_ones_only():
    @inner(cache=False)
    def square(value: int) -> int:
        return value * value

    @compiled(cache=False)
    def of_all(values: Array) -> int:
        total = 0
        for k in range(len(values)):
            total += square(values[k])
        return total

    for _ in range(2):  # before it is compiled and after
        with pytest.raises(TypeError, match="square can be called by compiled functions only"):
            square(3)
        assert of_all(np.arange(4)) == 14
    with pytest.raises(TypeError, match="code_split can be called by compiled functions only"):
        contexts.code_split(None, None, 1, 0, 0, 0, 0)
