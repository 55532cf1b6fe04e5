"""Cache of compiled loops between processes, in folders named by a hash of all source files of the loops.

Numba's own cache checks only the file of a function: it would run outdated code after a change of an imported file.
"""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import Any, ClassVar

import numba
import numpy as np
from numba.core import caching as _numba_caching
from numba.core import config as _numba_config
from numba.misc.appdirs import AppDirs

from qimg.core.temporary import private_folder

_IMPORTS = re.compile(
    r"^(?:from|import) ((?:qimg|circuits)[\w.]*)(?: import (\([^)]*\)|.*))?", re.MULTILINE
)  # of packages with compiled loops
caching: Any = _numba_caching  # without annotations
config: Any = _numba_config
_ROOT = Path(__file__).parents[2]
_VERSIONS = f"numba {numba.__version__}, llvmlite {version('llvmlite')}, numpy {np.__version__}"
_OPTIONS = f", bounds checked {config.BOUNDSCHECK}" if config.BOUNDSCHECK else ""  # NUMBA_BOUNDSCHECK=1
_USED: set[Path] = set()
_MAX_EARLIER = 8  # folders of earlier versions of a source file, which other environments and branches may still use


@cache
def _imported(file: Path) -> list[Path]:
    """Files of this project that a file imports from."""
    imported = []
    for module, names in _IMPORTS.findall(file.read_text(encoding="utf-8")):
        place = _ROOT.joinpath(*module.split("."))
        parts = [place / name for name in re.findall(r"\w+", names)]
        for stem in (place, *parts):
            imported += [one for one in (stem.with_suffix(".py"), stem / "__init__.py") if one.is_file()]
    return imported


@cache
def sources(file: Path) -> list[Path]:
    """A source file and those of this project that it depends on, in the order of their names."""
    visited: set[Path] = set()
    waiting = [file]
    while waiting:
        one = waiting.pop()
        if one not in visited:
            visited.add(one)
            waiting += _imported(one)
    return sorted(visited)


@cache
def fingerprint(file: Path) -> str:
    """Hash, 16 hexadecimal digits, of a file's `sources` and of the versions and options of the compiler."""
    digest = hashlib.sha256((_VERSIONS + _OPTIONS).encode())
    for one in sources(file):
        content = one.read_bytes()
        digest.update(f"\n{one.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def folders() -> Iterator[Path]:
    """Folders for compiled code, in order of preference.

    First `NUMBA_CACHE_DIR`, or the user's cache folder where that is not set; then a private folder among the temporary
    files. They may be missing or read-only.
    """
    preferred = Path(config.CACHE_DIR) / "qimg" if config.CACHE_DIR else Path(AppDirs("qimg", False).user_cache_dir)
    if config.CACHE_DIR or preferred.is_absolute():  # an account without a home has "~/.cache", which is no folder
        yield preferred
    yield from private_folder()


def folder_of(file: Path) -> Path | None:
    """Folder for the compiled code of a source file, created if missing; None where no folder can be written."""
    name = f"{file.stem}-{fingerprint(file)}"
    for base in folders():
        folder = base / name
        with suppress(OSError):
            if not folder.is_dir():
                folder.mkdir(parents=True)
                earlier = sorted(base.glob(f"{file.stem}-" + 16 * "[0-9a-f]"), key=lambda one: one.stat().st_mtime)
                for one in earlier[:-_MAX_EARLIER]:
                    rmtree(one, ignore_errors=True)
            with tempfile.TemporaryFile(dir=folder):  # it exists, but may be read-only
                _USED.add(base)
                return folder
    return None


def read_only_folders_of(file: Path) -> list[Path]:
    """Folders that hold compiled code of a source file but cannot be written, such as those of an image of a container.

    Numba stores code for each type of processor, so that code may be missing in them.
    """
    name, writable = f"{file.stem}-{fingerprint(file)}", folder_of(file)
    return [base / name for base in folders() if (base / name).is_dir() and base / name != writable]


def folders_in_use() -> list[Path]:
    """Base folders in which this process stores compiled code: one, or none where none can be written."""
    return sorted(_USED)


class _Locator(caching.UserProvidedCacheLocator):
    """Place of the compiled code in one folder, which is not required to be writable."""

    folder: ClassVar[Path]

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        super().__init__(function, file)
        self._cache_path = str(self.folder)

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> "_Locator":
        return cls(function, file)

    def ensure_cache_path(self) -> None:
        """Accept a folder that cannot be written."""


class _Cache(caching.FunctionCache):
    """Numba's cache in one folder, except that damaged files are replaced and write errors are ignored.

    Code that it lacks is read from further folders.
    """

    def __init__(self, function: Callable[..., Any], folder: Path, further: Sequence[Path] = ()) -> None:
        locator = type("_LocatorOfFolder", (_Locator,), {"folder": folder})
        self._impl_class = type("_Implementation", (caching.CompileResultCacheImpl,), {"_locator_classes": [locator]})
        super().__init__(function)
        self._further = [_Cache(function, one) for one in further]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            loaded = super().load_overload(sig, target_context)
        except Exception:  # unpickling damaged files raises errors of any kind
            loaded = None
            with suppress(OSError):
                self.flush()
        for cache_ in self._further:
            loaded = cache_.load_overload(sig, target_context) if loaded is None else loaded
        return loaded

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(Exception):  # as above, where a damaged index could not be replaced
            super().save_overload(sig, data)


def cache_of(function: Callable[..., Any]) -> Any:
    """The cache of a function's compiled code; an empty cache where no folder can be written or has code of it."""
    file = Path(function.__code__.co_filename)  # type: ignore[attr-defined]
    try:
        if not file.is_file():  # code of a console, or inside an archive
            return caching.NullCache()
        places = [place for place in (folder_of(file), *read_only_folders_of(file)) if place is not None]
        return _Cache(function, places[0], places[1:]) if places else caching.NullCache()
    except (RuntimeError, OSError):
        return caching.NullCache()
