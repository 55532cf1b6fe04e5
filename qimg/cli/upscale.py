"""`qimg upscale`: a picture with twice the rows and columns."""

from qimg.cli.picture_to_picture import Out, Source, read, write


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

    pixels = read(source, out, overwrite=overwrite)
    write(restoration.upscale(pixels, sigma=sigma), source, out, quality)


COMMAND = upscale
