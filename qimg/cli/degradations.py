"""The commands `qimg denoise`, `qimg inpaint`, `qimg deblur` and `qimg upscale`: one picture file to another."""

import errno
import os
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from qimg.core.arguments import Array

Source = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
Out = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]


def denoise(
    source: Source,
    out: Out,
    /,
    *,
    sigma: float | None = None,
    effort: int = 1,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Take white Gaussian noise off a picture.

    Args:
        source: Image or RAW file, without alpha.
        out: File to write; its ending names the format.
        sigma: Standard deviation of the noise in 8-bit code values; measured when left out.
        effort: 0 (fast) to 2 (best).
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import restoration

    pixels = _read(source, out, overwrite=overwrite)
    if sigma is None:
        sigma = restoration.estimate_sigma(pixels)
        print(f"{source}: noise of standard deviation {sigma:.2f}")
    _write(restoration.denoise(pixels, sigma=sigma, effort=effort), source, out, quality)


def inpaint(
    source: Source,
    mask: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MASK")],
    out: Out,
    /,
    *,
    rounds: int = 3,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Fill in the missing pixels of a picture.

    Args:
        source: Image or RAW file, without alpha.
        mask: Image of the same size, white (above a half) where a pixel is missing.
        out: File to write; its ending names the format.
        rounds: Times that everything is filled in, at least 1.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import images, restoration

    pixels = _read(source, out, overwrite=overwrite)
    missing = images.luma(images.load(mask)) > 127.5
    _write(restoration.inpaint(pixels, missing, rounds=rounds), source, out, quality)


def deblur(
    source: Source,
    kernel: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="KERNEL")],
    out: Out,
    /,
    *,
    sigma: float,
    rounds: int = 12,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Take a known blur off a picture.

    Args:
        source: Image or RAW file, without alpha.
        kernel: What a point became: an image with odd sides, or a text file of rows of numbers; divided by its sum.
        out: File to write; its ending names the format.
        sigma: Standard deviation of the noise in 8-bit code values, positive; rounding alone is 0.29.
        rounds: Rounds of half-quadratic splitting, at least 1.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import restoration

    pixels = _read(source, out, overwrite=overwrite)
    restored = restoration.deblur(pixels, _kernel(kernel), sigma=sigma, rounds=rounds)
    _write(restored, source, out, quality)


def upscale(
    source: Source,
    out: Out,
    /,
    *,
    sigma: float = 0.0,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Give a picture twice as many rows and columns.

    Args:
        source: Image or RAW file, without alpha.
        out: File to write; its ending names the format.
        sigma: Standard deviation of the noise in 8-bit code values, beside that of rounding.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import restoration

    pixels = _read(source, out, overwrite=overwrite)
    _write(restoration.super_resolve(pixels, sigma=sigma), source, out, quality)


def _read(source: str, out: str, *, overwrite: bool) -> Array:
    """The picture; a file that would be replaced unasked is refused before anything is computed."""
    from qimg import images

    if os.path.lexists(out) and not overwrite:
        raise FileExistsError(errno.EEXIST, "exists already; --overwrite replaces it", out)
    return images.load(source)


def _write(restored: Array, source: str, out: str, quality: int | None) -> None:
    from qimg import images

    images.save(restored, out, quality=quality, metadata=images.read_metadata(source))
    height, width = restored.shape[:2]
    print(f"{source} → {out}: {width} × {height}")


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
