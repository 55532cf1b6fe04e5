"""What the verbs share that make one picture of another: reading, and writing with the metadata."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qimg.cli.folders import Pictures, each_of
from qimg.core import Array, to_write


def each_picture(work: Callable[..., str], source: str, out: str, files: Pictures, **options: Any) -> None:
    """As `each_of`, for a verb that writes pictures: `work` gets `quality` and the options."""
    each_of(work, source, out, files, {**options, "quality": files.quality}, verb="restored", suffix=files.suffix)


def read(source: Path, out: Path, *, overwrite: bool, **_: Any) -> Array:
    """The picture; a file that would be replaced unasked is refused before anything is computed."""
    from qimg import images

    to_write(out, overwrite=overwrite)
    return images.load(source)


def write(restored: Array, source: Path, out: Path, *, quality: int | None, **_: Any) -> str:
    """Write the restored picture with the metadata of its source; what was written, in one line."""
    from qimg import images

    images.save(restored, out, quality=quality, metadata=images.read_metadata(source))
    height, width = restored.shape[:2]
    return f"{source} → {out}: {width} × {height}"
