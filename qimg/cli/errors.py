"""Error messages of the command line: one sentence and exit status 2 for bad input, no traceback."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from qimg.cli.streams import any_terminal
from qimg.core import sentence


@contextmanager
def clear_errors(*, interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """Report bad input as one sentence on the error stream and exit with status 2, without a traceback.

    Within the block, output is that of `any_terminal`.
    """
    try:
        with any_terminal():
            yield
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"qimg: error: {sentence(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"qimg: {interrupted}", file=sys.stderr)
        raise SystemExit(130) from None


def interrupt_when_asked_to_end() -> None:
    """Handle SIGTERM and SIGHUP (a closed terminal) like Ctrl-C, so that the command cleans up."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
