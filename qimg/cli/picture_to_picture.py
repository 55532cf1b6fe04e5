"""What the verbs share that make one picture file of another: reading, and writing with the metadata."""

import errno
import os
from typing import Annotated

import tyro

from qimg.core.arguments import Array

Source = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Out = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


def read(source: str, out: str, *, overwrite: bool) -> Array:
    """The picture; a file that would be replaced unasked is refused before anything is computed."""
    from qimg import images

    if os.path.lexists(out) and not overwrite:
        raise FileExistsError(errno.EEXIST, "exists already; --overwrite replaces it", out)
    return images.load(source)


def write(restored: Array, source: str, out: str, quality: int | None) -> None:
    """Write the restored picture with the metadata of its source, and print one line."""
    from qimg import images

    images.save(restored, out, quality=quality, metadata=images.read_metadata(source))
    height, width = restored.shape[:2]
    print(f"{source} → {out}: {width} × {height}")
