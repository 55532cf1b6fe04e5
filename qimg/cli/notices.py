"""Log messages of the library on the error stream."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _OnErrorStream(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"qimg: {record.getMessage()}", file=sys.stderr)


@contextmanager
def notices() -> Iterator[None]:
    """Show messages about the compilation of loops while the block runs."""
    log, handler = logging.getLogger("qimg.core.compiled"), _OnErrorStream()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
