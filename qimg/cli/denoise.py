"""`qimg denoise`: removes white noise from pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import tyro

from qimg import core
from qimg.cli import placeholders
from qimg.cli.folders import Out, Pictures, Source
from qimg.cli.picture_to_picture import each_picture, read, write
from qimg.cli.reading import Reading
from qimg.cli.results import Done


def denoise(
    source: Source,
    out: Out,
    /,
    *,
    sigma: placeholders.OptionalDeviation = None,
    effort: placeholders.Effort = 5,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
    reading: tyro.conf.OmitArgPrefixes[Reading] = Reading(),  # noqa: B008
) -> None:
    """Remove white Gaussian noise from a picture, or from every picture of a folder.

    Args:
        source: Image or RAW file, without alpha, or a folder of them; --recursive searches its subfolders.
        out: File to write, whose ending determines the format; for a folder, the folder to write into.
        sigma: Standard deviation of the noise in 8-bit code values; estimated by default.
        effort: 1 (fast) to 9 (best); 1, 5 and 9 differ, and every other effort equals the next lower one of these.
        files: Files to write.
        reading: Rules for reading.
    """
    from qimg.restoration.degradations.planes import checked_sigma

    if sigma is not None:
        checked_sigma(sigma)
    core.effort(effort)
    each_picture(_denoised, source, out, files, reading, sigma=sigma, effort=effort)


def _denoised(source: Path, out: Path, *, sigma: float | None, effort: int, **writing: Any) -> Done:
    from qimg import restoration

    pixels, estimated = read(source, out, **writing), sigma is None
    sigma = restoration.estimate_sigma(pixels) if sigma is None else sigma
    restored = restoration.denoise(pixels, sigma=sigma, effort=effort)
    facts = {"effort": effort, "sigma": f"{sigma:.4g}", "sigma_is_estimated": estimated}
    done = write(restored, source, out, facts=facts, **writing)
    note = f"{source}: noise of standard deviation {sigma:.2f}\n" if estimated else ""
    return replace(done, line=note + done.line)


COMMAND = denoise
