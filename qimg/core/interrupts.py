"""Signals that end a process, raised as exceptions so that the process cleans up."""

import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any

_AGAIN = 0.05  # seconds until an ignored exception is raised again; its callback has returned by then


def raise_when_asked_to_end(exception: Callable[[], BaseException]) -> None:
    """Raise an exception on SIGTERM and SIGHUP (a closed terminal), for the lifetime of this process.

    Python ignores exceptions in callbacks from C (`ctypes`, which Numba's compiler uses) and in destructors. A signal
    that arrives there would be reported as an ignored exception and have no other effect, therefore it is sent again.

    Args:
        exception: makes an instance of `SystemExit` or `KeyboardInterrupt`.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise exception()

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handle)
    _send_ignored_signals_again()


@cache
def _send_ignored_signals_again() -> None:
    report = sys.unraisablehook

    def hook(ignored: Any) -> None:
        if not isinstance(ignored.exc_value, (SystemExit, KeyboardInterrupt)):
            report(ignored)
            return
        again = threading.Timer(_AGAIN, _interrupt_main_thread)
        again.daemon = True
        again.start()

    sys.unraisablehook = hook


def _interrupt_main_thread() -> None:
    if hasattr(signal, "pthread_kill"):  # a signal to another thread would not end a system call of the main thread
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)
