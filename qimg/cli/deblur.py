"""`qimg deblur`: removes a known blur from pictures."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from qimg import core
from qimg.cli import placeholders
from qimg.cli.folders import Out, Pictures, Source
from qimg.cli.picture_to_picture import each_picture, read, write
from qimg.cli.reading import Reading
from qimg.cli.results import Done
from qimg.core import Array, regular


def deblur(
    source: Source,
    kernel: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="KERNEL")],
    out: Out,
    /,
    *,
    sigma: placeholders.Deviation,
    effort: placeholders.Effort = 5,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
    reading: tyro.conf.OmitArgPrefixes[Reading] = Reading(),  # noqa: B008
) -> None:
    """Remove a known blur from a picture, or from every picture of a folder.

    Args:
        source: Image or RAW file, without alpha, or a folder of them; --recursive searches its subfolders.
        kernel: Point spread function: an image with odd sides, or a text file with rows of numbers. The kernel is
            divided by its sum.
        out: File to write, whose ending determines the format; for a folder, the folder to write into.
        sigma: Standard deviation of the noise in 8-bit code values, positive; that of rounding is 1/√12 ≈ 0.29.
        effort: 1 (fast) to 9 (best): 2 · effort + 2 rounds of half-quadratic splitting.
        files: Files to write.
        reading: Rules for reading.
    """
    from qimg.restoration.degradations.planes import checked_sigma

    checked_sigma(sigma, positive=True)
    core.effort(effort)
    each_picture(_deblurred, source, out, files, reading, kernel=_kernel(kernel), sigma=sigma, effort=effort)


def _deblurred(source: Path, out: Path, *, kernel: Array, sigma: float, effort: int, **writing: Any) -> Done:
    from qimg import restoration

    pixels = read(source, out, **writing)
    restored = restoration.deblur(pixels, kernel, sigma=sigma, effort=effort)
    return write(restored, source, out, facts={"effort": effort, "sigma": sigma}, **writing)


def _kernel(path: str) -> Array:
    """Read a kernel from an image or a text file and normalise its sum to 1."""
    from qimg import images

    if Path(path).suffix.lower() in images.SUFFIXES:
        values = images.luma(images.load(path))
    else:
        try:
            with regular(path).open() as file:
                values = np.loadtxt(file, ndmin=2)
        except ValueError as error:
            raise ValueError(f"{path}: must hold rows of numbers ({error})") from None
    if not all(side % 2 for side in values.shape):
        raise ValueError(f"{path}: a kernel must have odd sides, but has {values.shape[1]} × {values.shape[0]}")
    total = float(values.sum())
    if not total > 0:
        raise ValueError(f"{path}: a kernel must have a positive sum, but its sum is {total}")
    return values / total


COMMAND = deblur
