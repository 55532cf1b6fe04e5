"""`qimg denoise`: white noise taken off a picture."""

from qimg.cli.picture_to_picture import Out, Source, read, write


def denoise(
    source: Source,
    out: Out,
    /,
    *,
    sigma: float | None = None,
    effort: int = 5,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Take white Gaussian noise off a picture.

    Args:
        source: Image or RAW file, without alpha.
        out: File to write; its ending names the format.
        sigma: Standard deviation of the noise in 8-bit code values; measured when left out.
        effort: 1 (fast) to 9 (best); 1, 5 and 9 differ, the others are as the next one below.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace a file that exists.
    """
    from qimg import restoration

    pixels = read(source, out, overwrite=overwrite)
    if sigma is None:
        sigma = restoration.estimate_sigma(pixels)
        print(f"{source}: noise of standard deviation {sigma:.2f}")
    write(restoration.denoise(pixels, sigma=sigma, effort=effort), source, out, quality)


COMMAND = denoise
