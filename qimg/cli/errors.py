"""Error messages of the command line: one sentence and exit status 2 for bad input, no traceback."""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, get_args, get_type_hints

from qimg.cli.streams import any_terminal
from qimg.core import sentence


@contextmanager
def clear_errors(*, interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """Report bad input as one sentence on the error stream and exit with status 2, without a traceback."""
    try:
        with any_terminal():
            yield
    except (ValueError, OSError, ModuleNotFoundError, MemoryError) as error:
        print(f"qimg: error: {sentence(error)}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"qimg: {interrupted}", file=sys.stderr)
        raise SystemExit(130) from None


def spelling_of(command: Callable[..., Any]) -> dict[str, str]:
    """Parameters of a command, and the fields of the records among them, as the command line spells them."""
    spellings: dict[str, str] = {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        record = next(iter(get_args(hints[name])), hints[name])
        if dataclasses.is_dataclass(record):
            spellings |= as_options(field.name for field in dataclasses.fields(record))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            spellings |= as_options([name])
        else:
            labels = [getattr(mark, "metavar", None) for mark in get_args(hints[name])]
            spellings[name] = next(filter(None, labels), name.upper())
    return spellings


def as_options(names: Iterable[str]) -> dict[str, str]:
    """Names as options: `bits_per_pixel` → `--bits-per-pixel`."""
    return {name: f"--{name.replace('_', '-')}" for name in names}
