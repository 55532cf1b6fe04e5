"""Compiled loops: few count references, none holds the interpreter, what has no way in from Python says so."""

import threading
import time

import numpy as np
import pytest
from numba import types

import qimg
from qimg import images
from qimg.cli.notices import notices
from qimg.codecs.block.model import contexts
from qimg.core import Array
from qimg.core import compiled as compiled_module
from qimg.core.compiled import compiled, inner
from qimg.entropy import mixing


def test_numba_leaves_the_counting_out():
    # without this option, which Numba does not document, decoding takes several times as long
    assert mixing.code_bit.targetoptions["_nrt"] is False


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


def _longest_standstill(picture: Array) -> tuple[float, float]:
    """Seconds that Python's other threads stood still at most while a picture was encoded, and that encoding took."""
    beats, done = [time.perf_counter()], threading.Event()

    def beat() -> None:
        while not done.wait(0.002):
            beats.append(time.perf_counter())

    heart = threading.Thread(target=beat)
    heart.start()
    begin = time.perf_counter()
    qimg.encode(picture, quality=50)
    seconds = time.perf_counter() - begin
    done.set()
    heart.join()
    return float(np.diff([*beats, time.perf_counter()]).max()), seconds


def test_loops_let_other_threads_run():
    photo = images.bundled("coffee")[:384, :512]
    qimg.encode(photo[:64, :64], quality=50)
    # One row of superblocks, which one call of a loop encodes: with the lock nothing else runs during most of it.
    # The best of three, since a busy machine may stop everything for a while.
    row = np.concatenate([photo[y : y + 32] for y in range(0, 384, 32)], axis=1)
    assert min(still / seconds for still, seconds in (_longest_standstill(row) for _ in range(3))) < 0.4


def test_compiled_code_releases_the_lock_unless_asked_otherwise():
    assert mixing.code_bit.targetoptions["nogil"] is True


def test_arguments_of_fewer_bits_make_no_type_of_their_own():
    @inner(cache=False)
    def square(value: int) -> int:
        return value * value

    @inner(cache=False)
    def narrow(value: np.int32) -> np.int32:
        return np.int32(value + 1)

    @compiled(cache=False)
    def total(small: Array, large: Array) -> int:
        return square(small[0]) + square(large[0]) + narrow(np.int32(large[0]))

    # 100 · 100 does not fit into an int8
    assert total(np.array([100], np.int8), np.array([3])) == 10000 + 9 + 4
    assert square.signatures == [(types.int64,)]
    assert narrow.signatures == [(types.int32,)]


@pytest.mark.slow
def test_functions_that_allocate_say_so():
    @compiled(allocates=True, cache=False)
    def doubled(values: Array) -> Array:
        out = np.empty_like(values)
        out[:] = 2 * values
        return out

    assert doubled(np.arange(3)).tolist() == [0, 2, 4]


def test_the_first_compilation_is_logged_once(caplog, monkeypatch):
    monkeypatch.setattr(compiled_module._NOTICE, "due", True)

    def fresh():
        @compiled(cache=False)
        def same(value: int) -> int:
            return value

        return same

    with caplog.at_level("INFO", logger="qimg.core.compiled"):
        first, second = fresh(), fresh()
        first(1)
        second(1)
        first(2)
    (record,) = caplog.records
    assert "compiling for the first use" in record.message


def test_the_command_line_shows_it_on_the_error_stream(capsys, monkeypatch):
    monkeypatch.setattr(compiled_module._NOTICE, "due", True)

    @compiled(cache=False)
    def same(value: int) -> int:
        return value

    with notices():
        same(1)
        same(2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("qimg: compiling for the first use, 10 to 30 s, ")
    assert shown.err.count("\n") == 1
