"""`qimg inpaint`: the missing pixels of a picture filled in."""

from typing import Annotated

import tyro

from qimg.cli.picture_to_picture import Out, Source, read, write


def inpaint(
    source: Source,
    mask: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MASK")],
    out: Out,
    /,
    *,
    effort: int = 5,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Fill in the missing pixels of a picture.

    Args:
        source: Image or RAW file, without alpha.
        mask: Image of the same size, white (above a half) where a pixel is missing.
        out: File to write; its ending names the format.
        effort: 1 (fast) to 9 (best); 1, 3, 5, 7 and 9 differ, the others are as the next one below.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import images, restoration

    pixels = read(source, out, overwrite=overwrite)
    missing = images.luma(images.load(mask)) > 127.5
    write(restoration.inpaint(pixels, missing, effort=effort), source, out, quality)


COMMAND = inpaint
