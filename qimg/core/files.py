"""Files to read and to write: checks of their kind, one line for messages, and the names of output files."""

import errno
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def special(path: str | os.PathLike[str]) -> str:
    """The kind of a pipe, a socket or a device in words; "" for a file, a folder, and a name that does not exist.

    Reading a pipe or a device may never end, and replacing one changes the system.
    """
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except (OSError, ValueError):
        return ""


def regular(path: str | os.PathLike[str]) -> Path:
    """The path of a file to read, which must not be a pipe, a socket or a device.

    Raises:
        OSError: it is one; a missing file and a folder raise no error here.
    """
    kind = special(path)
    if kind:
        raise OSError(errno.EINVAL, f"is {kind}, but a file to read is expected", os.fspath(path))
    return Path(path)


def to_write(out: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Check the path of an output file before anything is computed.

    Raises:
        OSError: the path is a folder, a pipe, a socket or a device, the file exists and may not be overwritten, or its
            folder is missing or read-only.
    """
    path = Path(out)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder, but a file to write is expected")
    if special(path):
        raise OSError(errno.EINVAL, f"is {special(path)}, but a file to write is expected", str(path))
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(f"{path}: exists already, and overwriting is not enabled")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise NotADirectoryError(f"{path}: {folder} is no folder")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: the folder {folder} cannot be written to")
    return path


def one_line(text: str) -> str:
    r"""Text with its control characters, such as the line breaks of a file's name, written as escapes.

    >>> one_line("a\nb.png")
    'a\\nb.png'
    """
    return "".join(
        repr(letter)[1:-1] if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text
    )


def sentence(error: BaseException) -> str:
    """The message of an error as one line; a system error begins with the name of the file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return one_line(f"{os.fsdecode(error.filename)}: {error.strerror}")
    return one_line(" ".join(str(error).split()) or type(error).__name__)


def names_for(sources: Sequence[Path], suffix: str, *, below: Path | None = None) -> list[str]:
    """Names of output files, one for each source: `photo.png`, or `photo.jpg.png` where several are named `photo`.

    Several are those of one folder whose names agree apart from their ending, capital letters and the composition of
    accents, which not all file systems distinguish.

    >>> names_for([Path("a.png"), Path("b.NEF"), Path("B.jpg")], ".qimg")
    ['a.qimg', 'b.NEF.qimg', 'B.jpg.qimg']

    Args:
        sources: files.
        suffix: ending of the names.
        below: folder of all sources, whose subfolders the names keep; by default names have no folders.

    Raises:
        ValueError: two sources would have the same name.
    """
    whole = [Path(source.name) if below is None else source.relative_to(below) for source in sources]
    names = [str(one.parent / one.stem) for one in whole]
    while True:
        count = Counter(map(alike, names))
        longer = [str(one) if count[alike(name)] > 1 else name for name, one in zip(names, whole, strict=True)]
        if longer == names:
            break
        names = longer
    first: dict[str, Path] = {}
    for name, source in zip(names, sources, strict=True):
        if first.setdefault(name, source) is not source:
            raise ValueError(f"{first[name]} and {source} would both be written to {name}{suffix}")
    return [name + suffix for name in names]


def alike(name: str) -> str:
    """The same text for all names that some file systems do not distinguish: by case, or by composition of accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
