"""Properties that are computed once."""

import threading

from qimg.core.cached import cached_property


class Slow:
    def __init__(self) -> None:
        self.computed = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    @cached_property
    def value(self) -> int:
        self.computed += 1
        if self.computed == 1:
            self.begun.set()
            assert self.go_on.wait(10)
        return self.computed


def test_a_value_is_computed_once():
    one = Slow()
    one.go_on.set()
    assert [one.value, one.value] == [1, 1]
    assert one.computed == 1


def test_another_instance_does_not_wait_and_the_first_value_stays():
    """Under a lock the second access would wait for the first; a fork in between would leave it closed for ever."""
    one = Slow()
    thread = threading.Thread(target=lambda: one.value)
    thread.start()
    assert one.begun.wait(10)
    assert one.value == 2
    one.go_on.set()
    thread.join()
    assert one.value == 2
