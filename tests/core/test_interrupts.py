"""Signals are raised as exceptions, also where they arrive in code whose exceptions Python ignores."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import qimg

SCRIPT = """
import ctypes, os, signal, sys, time
from functools import partial
from qimg.core.interrupts import raise_when_asked_to_end

class Ended:
    def __del__(self):
        os.kill(os.getpid(), number)

@ctypes.CFUNCTYPE(None)
def callback():
    os.kill(os.getpid(), number)

number = getattr(signal, sys.argv[1])
if number == signal.SIGINT:  # which shells ignore in commands that run in the background
    signal.signal(number, signal.default_int_handler)
raise_when_asked_to_end(KeyboardInterrupt if sys.argv[2] == "KeyboardInterrupt" else partial(SystemExit, 7))
for place in (callback, Ended, lambda: os.kill(os.getpid(), number)):
    try:
        place()
        time.sleep(20)
        print("was not ended")
    except (KeyboardInterrupt, SystemExit) as error:
        print(repr(error))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("name", "error"), [("SIGTERM", "KeyboardInterrupt"), ("SIGHUP", "SystemExit"), ("SIGINT", "KeyboardInterrupt")]
)
def test_a_signal_is_raised_wherever_it_arrives(name: str, error: str) -> None:
    """In a callback from C, in a destructor, and elsewhere."""
    environment = os.environ | {"PYTHONPATH": str(Path(qimg.__file__).parents[1])}
    command = [sys.executable, "-c", SCRIPT, name, error]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=6000)
    assert done.stdout == 3 * (f"{error}()\n" if error == "KeyboardInterrupt" else "SystemExit(7)\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_other_ignored_exceptions_are_still_reported() -> None:
    script = (
        "import signal\nfrom qimg.core.interrupts import raise_when_asked_to_end\n"
        "raise_when_asked_to_end(KeyboardInterrupt)\nraise_when_asked_to_end(KeyboardInterrupt)\n"
        "class Ended:\n    def __del__(self):\n        raise ValueError('in a destructor')\nEnded()\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(qimg.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0
    assert done.stderr.count("ValueError: in a destructor") == 1
