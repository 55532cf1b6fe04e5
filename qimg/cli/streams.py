"""Output of commands on terminals of any encoding, and on streams that are closed or full."""

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_PLAIN = {"→": "->", "×": "x", "−": "-", "–": "-", "—": "-", "…": "...", "•": "*", "≤": "<=", "≥": ">=", "≈": "~"}
_HANDLER = "qimg"


def _replacement(error: UnicodeError) -> tuple[bytes, int]:
    """Characters that a stream cannot encode: in plain letters, and undecodable bytes of names as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return b"".join(_bytes_of(letter) for letter in text), error.end


def _bytes_of(letter: str) -> bytes:
    if 0xDC80 <= ord(letter) <= 0xDCFF:  # how Python decodes the bytes of file names that are not UTF-8
        return bytes([ord(letter) - 0xDC00])
    return _PLAIN.get(letter, letter).encode("ascii", "backslashreplace")


codecs.register_error(_HANDLER, _replacement)


@contextmanager
def any_terminal() -> Iterator[None]:
    """Within the block, no character that is printed raises an error; at its end, everything has been written.

    A reader that has ended, such as `head`, ends the command silently with exit status 141, as a signal would.

    Raises:
        OSError: the standard output cannot be written, for instance because a disk is full.
    """
    before = [(stream, stream.errors) for stream in (sys.stdout, sys.stderr) if hasattr(stream, "reconfigure")]
    for stream, _ in before:
        stream.reconfigure(errors=_HANDLER)
    try:
        try:
            yield
        except SystemExit:  # of a command that has printed its help
            _flush()
            raise
        _flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        raise SystemExit(128 + 13) from None
    finally:
        for stream, errors in before:
            with suppress(OSError, ValueError):  # a closed stream
                stream.reconfigure(errors=errors)


def _flush() -> None:
    try:
        if sys.stdout is not None:  # None where the command was started with a closed stream
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard(sys.stdout)
        raise OSError(error.errno or errno.EIO, error.strerror, "the standard output") from None


def _discard(stream: Any) -> None:
    """Send what is left in a stream's buffer to nowhere, so that Python does not fail at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
