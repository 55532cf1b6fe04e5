"""Calls beside the caller: order, errors, and the wait at the end."""

import threading
import time

import pytest

from qimg.core.background import background


@pytest.mark.parametrize("threads", [1, 2])
def test_calls_run_in_order_and_have_ended_at_the_end(threads):
    done = []

    def slow(k):
        time.sleep(0.001 * (k % 3))
        done.append((k, threading.current_thread()))

    with background(threads) as beside:
        assert beside.threaded == (threads > 1)
        for k in range(150):  # more than may wait
            beside.call(slow, k)
    assert [k for k, _ in done] == list(range(150))
    others = {thread for _, thread in done} - {threading.current_thread()}
    assert len(others) == threads - 1


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_a_call_is_raised_and_later_calls_are_left_out(threads):
    done = []

    def fails():
        raise ValueError("no")

    def run():
        with background(threads) as beside:
            beside.call(fails)
            beside.wait()
            beside.call(done.append, 1)

    with pytest.raises(ValueError, match="no"):
        run()
    assert done == []


def test_an_error_of_the_caller_waits_for_the_call_in_progress_alone():
    begun, done = threading.Event(), []

    def slow():
        begun.set()
        time.sleep(0.05)
        done.append(0)

    def run():
        with background(2) as beside:
            beside.call(slow)
            beside.call(done.append, 1)
            begun.wait()
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert done == [0]
