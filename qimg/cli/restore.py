"""`qimg restore`: JPEG files to pictures without their artifacts."""

from pathlib import Path
from typing import Any

import numpy as np
import tyro

from qimg.cli.folders import Out, Pictures, Source, each_of


def restore(
    source: Source,
    out: Out,
    /,
    *,
    method: str = "explicit",
    tune: str = "psnr",
    effort: int | None = None,
    seed: int = 0,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
) -> None:
    """Restore a JPEG file, or every JPEG file of a folder: what was lost is estimated from what pictures are like.

    Args:
        source: JPEG file, or a folder of them; subfolders are not searched.
        out: File to write, such as photo.png, its ending naming the format; for a folder, the folder to write into,
            made where it does not exist.
        method: How: explicit, by linear algebra alone, or network, which is better and needs PyTorch (pip install
            'qimg[learned]').
        tune: What for: psnr gives the most likely picture, the mean; natural one with the texture of pictures, a draw.
        effort: 1 (fast) to 9 (best), 5 when left out. 1 to 5 differ; of networks
            1 and 5; the others are as the next one below.
        seed: Of the draw, for natural.
        files: What is written, and how.
    """
    from qimg.images.collections import JPEG_SUFFIXES

    if seed < 0:
        raise ValueError(f"seed must be at least 0, but seed={seed}")
    options = {"method": method, "tune": tune, "effort": effort, "quality": files.quality, "seed": seed}
    each_of(
        _restored, source, out, files, options,
        verb="restored", suffix=files.suffix, suffixes=JPEG_SUFFIXES, what="JPEG file",
    )  # fmt: skip


def _restored(source: Path, out: Path, *, seed: int, **options: Any) -> str:
    from qimg.restoration.jpeg.files import restore_file

    if options["tune"] == "natural":
        # A generator of its own for each picture, so that its place in a folder does not matter.
        options["rng"] = np.random.default_rng(seed)
    restored = restore_file(source, out, **options)
    height, width = restored.image.shape[:2]
    deviation = float((restored.deviation**2).mean() ** 0.5)
    line = f"{source} → {out}: {width} × {height}, expected error {deviation:.2f} code values of luma"
    if restored.decoder_warnings:
        line += f"; damaged ({'; '.join(restored.decoder_warnings)})"
        line += f", {100 * restored.missing:.3g} % of it missing" if restored.missing else ""
    return line


COMMAND = restore
