"""Commands that convert pictures to pictures: reading, and writing with the metadata of the source."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qimg.cli.folders import Pictures, each_of
from qimg.cli.reading import Reading
from qimg.cli.results import Done
from qimg.core import Array, to_write


def each_picture(
    work: Callable[..., Done], source: str, out: str, files: Pictures, reading: Reading, **options: Any
) -> None:
    """Call `each_of` for a command that writes pictures; `work` also receives `quality` and `reading`."""
    options |= {"quality": files.quality, "reading": reading}
    each_of(work, source, out, files, options, verb="restored", suffix=files.suffix)


def read(source: Path, out: Path, *, overwrite: bool, reading: Reading, **_: Any) -> Array:
    """Read a picture, after checking that `out` may be written."""
    from qimg import images

    to_write(out, overwrite=overwrite)
    return images.load(source, **reading.options)


def write(
    restored: Array,
    source: Path,
    out: Path,
    *,
    quality: int | None,
    overwrite: bool,
    facts: Mapping[str, Any],
    remark: str = "",
    **_: Any,
) -> Done:
    """Write a restored picture with the metadata of its source.

    Args:
        restored: pixels.
        source: file of the picture.
        out: file to write.
        quality: of a lossy format.
        overwrite: replace an existing file.
        facts: settings and results for the report.
        remark: appended to the line to print.
    """
    from qimg import images

    images.save(restored, out, quality=quality, metadata=images.read_metadata(source), overwrite=overwrite)
    height, width = restored.shape[:2]
    line = f"{source} → {out}: {width} × {height}" + (f"; {remark}" if remark else "")
    return Done(line=line, facts={"width": width, "height": height, **facts}, remark=remark)
