"""Objects of the user's own modules by their import names, `module:object`, such as codecs and representations."""

import hashlib
import re
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

_IMPORT_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_import_name(name: str) -> bool:
    """Whether a text has the form of an import name.

    >>> is_import_name("mine:CODEC"), is_import_name("frqi")
    (True, False)
    """
    return _IMPORT_NAME.fullmatch(name) is not None


def imported_object(name: str) -> Any:
    """The object of an import name; modules of the working folder are found as well, behind the installed ones.

    Raises:
        ValueError: the module cannot be imported or has no such object, or an installed module hides the one in the
            working folder.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # behind the installed modules, which it must not hide
    try:
        found = resolve_name(name)
    except AttributeError:
        _check_not_hidden(name)
        module, _, attribute = name.partition(":")
        raise ValueError(f"{name}: the module {module} has no {attribute}") from None
    except Exception as error:  # a module may raise anything when it is imported
        raise ValueError(f"{name}: cannot be imported ({type(error).__name__}: {error})") from error
    _check_not_hidden(name)
    return found


def module_file(name: str) -> Path:
    """File of the module of an import name."""
    return Path(import_module(name.partition(":")[0]).__file__ or "")


def module_hashes(names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the file of each module, by the import name."""
    return {name: hashlib.sha256(module_file(name).read_bytes()).hexdigest() for name in names}


def _check_not_hidden(name: str) -> None:
    """Raise an error if the working folder has a module of this name, but an installed one was imported."""
    module = name.partition(":")[0]
    own = [Path.cwd() / f"{module.replace('.', '/')}{end}" for end in (".py", "/__init__.py")]
    found = Path(getattr(import_module(module), "__file__", None) or "")
    if any(path.exists() for path in own) and not any(path.exists() and path.samefile(found) for path in own):
        raise ValueError(f"{name}: is the installed module {found}, which hides yours; give your file another name")
