"""`qimg upscale`: doubles the rows and columns of pictures."""

from pathlib import Path
from typing import Any

import tyro

from qimg.cli import placeholders
from qimg.cli.folders import Out, Pictures, Source
from qimg.cli.picture_to_picture import each_picture, read, write
from qimg.cli.reading import Reading
from qimg.cli.results import Done


def upscale(
    source: Source,
    out: Out,
    /,
    *,
    sigma: placeholders.Deviation = 0.0,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
    reading: tyro.conf.OmitArgPrefixes[Reading] = Reading(),  # noqa: B008
) -> None:
    """Double the rows and columns of a picture, or of every picture of a folder.

    Args:
        source: Image or RAW file, without alpha, or a folder of them; --recursive searches its subfolders.
        out: File to write, whose ending determines the format; for a folder, the folder to write into.
        sigma: Standard deviation of the noise in 8-bit code values, in addition to that of rounding.
        files: Files to write.
        reading: Rules for reading.
    """
    from qimg.restoration.degradations.planes import checked_sigma

    checked_sigma(sigma)
    each_picture(_upscaled, source, out, files, reading, sigma=sigma)


def _upscaled(source: Path, out: Path, *, sigma: float, **writing: Any) -> Done:
    from qimg import restoration

    pixels = read(source, out, **writing)
    return write(restoration.upscale(pixels, sigma=sigma), source, out, facts={"sigma": sigma}, **writing)


COMMAND = upscale
