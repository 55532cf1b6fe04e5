"""`qimg denoise`: removes white noise from pictures."""

from pathlib import Path
from typing import Any

import tyro

from qimg.cli.folders import Out, Pictures, Source
from qimg.cli.picture_to_picture import each_picture, read, write


def denoise(
    source: Source,
    out: Out,
    /,
    *,
    sigma: float | None = None,
    effort: int = 5,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
) -> None:
    """Remove white Gaussian noise from a picture, or from every picture of a folder.

    Args:
        source: Image or RAW file, without alpha, or a folder of them; subfolders are not searched.
        out: File to write, whose ending determines the format; for a folder, the folder to write into.
        sigma: Standard deviation of the noise in 8-bit code values; estimated by default.
        effort: 1 (fast) to 9 (best); 1, 5 and 9 differ, and every other effort equals the next lower one of these.
        files: Files to write.
    """
    each_picture(_denoised, source, out, files, sigma=sigma, effort=effort)


def _denoised(source: Path, out: Path, *, sigma: float | None, effort: int, **writing: Any) -> str:
    from qimg import restoration

    pixels, note = read(source, out, **writing), ""
    if sigma is None:
        sigma = restoration.estimate_sigma(pixels)
        note = f"{source}: noise of standard deviation {sigma:.2f}\n"
    return note + write(restoration.denoise(pixels, sigma=sigma, effort=effort), source, out, **writing)


COMMAND = denoise
