"""The bytes of picture files, or one error about a file that cannot be read."""

from pathlib import Path

from qimg.core.files import special
from qimg.images.planes import ImageError


def refuse_special(path: Path, what: str = "an image file") -> None:
    """Raise `ImageError` for a pipe, a socket or a device, whose reading may never end."""
    if special(path):
        raise ImageError(f"{path}: is {special(path)}, but {what} is expected")


def content_of(path: Path, what: str = "an image file") -> bytes:
    """The bytes of a file; raises `ImageError` if it cannot be read.

    Args:
        path: the file.
        what: the kind of file that is expected, for messages.
    """
    refuse_special(path, what)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, but {what} is expected") from None
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from None
