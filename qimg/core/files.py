"""Atomic writing of files, and the names of output files."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def to_write(out: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Check the path of an output file before anything is computed.

    Raises:
        OSError: the path is a folder, the file exists and may not be overwritten, or its folder is missing or
            read-only.
    """
    path = Path(out)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, but a file to write is expected")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: exists already, and overwriting is not enabled")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise NotADirectoryError(f"{path}: {folder} is no folder")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: the folder {folder} cannot be written to")
    return path


def sentence(error: Exception) -> str:
    """The message of an error as one line; a system error begins with the name of the file."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def names_for(sources: Sequence[Path], suffix: str) -> list[str]:
    """Names of output files, one for each source: `photo.png`, or `photo.jpg.png` where several are named `photo`.

    >>> names_for([Path("a.png"), Path("b.NEF"), Path("b.jpg")], ".qimg")
    ['a.qimg', 'b.NEF.qimg', 'b.jpg.qimg']

    Raises:
        ValueError: two sources would have the same name.
    """
    count = Counter(source.stem for source in sources)
    names = [(source.stem if count[source.stem] == 1 else source.name) + suffix for source in sources]
    first: dict[str, Path] = {}
    for name, source in zip(names, sources, strict=True):
        if first.setdefault(name, source) != source:
            raise ValueError(f"{first[name]} and {source} would both be written to {name}")
    return names


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` under a temporary name in the same folder, then rename the file."""
    path = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, f"cannot be written ({error.strerror})", str(path)) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
