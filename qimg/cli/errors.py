"""Bad input as one sentence and exit status 2; interruptions without a traceback."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from qimg.core import sentence


@contextmanager
def clear_errors(*, interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """Turn bad input into one sentence on the error stream and exit status 2, without a traceback."""
    try:
        yield
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"qimg: error: {sentence(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"qimg: {interrupted}", file=sys.stderr)
        raise SystemExit(130) from None


def interrupt_when_asked_to_end() -> None:
    """Let a polite request to end (SIGTERM, a closed terminal) clean up as Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
