"""`qimg deblur`: a known blur taken off a picture."""

from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from qimg.cli.picture_to_picture import Out, Source, read, write
from qimg.core.arguments import Array


def deblur(
    source: Source,
    kernel: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="KERNEL")],
    out: Out,
    /,
    *,
    sigma: float,
    effort: int = 5,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Take a known blur off a picture.

    Args:
        source: Image or RAW file, without alpha.
        kernel: What a point became: an image with odd sides, or a text file of rows of numbers; divided by its sum.
        out: File to write; its ending names the format.
        sigma: Standard deviation of the noise in 8-bit code values, positive; rounding alone is 0.29.
        effort: 1 (fast) to 9 (best): 2 · effort + 2 rounds of half-quadratic splitting.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import restoration

    pixels = read(source, out, overwrite=overwrite)
    restored = restoration.deblur(pixels, _kernel(kernel), sigma=sigma, effort=effort)
    write(restored, source, out, quality)


def _kernel(path: str) -> Array:
    """A kernel from an image or a text file, with the sum 1."""
    from qimg import images

    if Path(path).suffix.lower() in images.SUFFIXES:
        values = images.luma(images.load(path))
    else:
        try:
            values = np.loadtxt(path, ndmin=2)
        except ValueError as error:
            raise ValueError(f"{path}: rows of numbers are expected ({error})") from None
    total = float(values.sum())
    if not total > 0:
        raise ValueError(f"{path}: a kernel must have a positive sum, but its sum is {total}")
    return values / total


COMMAND = deblur
