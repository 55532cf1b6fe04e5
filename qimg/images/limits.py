"""The limit on the pixels of a picture, which is checked before memory is allocated for them."""

from qimg.images.planes import ImageError

MAX_PIXELS = 1 << 28
"""Default limit on the pixels of a picture."""


def check_area(name: str, height: int, width: int, max_pixels: int | None) -> None:
    """Raise an error if a picture is empty, or has more pixels than the limit; None sets no limit."""
    if height < 1 or width < 1:
        raise ImageError(f"{name}: must have at least one row and one column, but has {height}×{width} pixels")
    if max_pixels is not None and height * width > max_pixels:
        raise ImageError(
            f"{name}: must have at most max_pixels={max_pixels} pixels, but has {height}×{width} "
            "(--max-pixels on the command line)"
        )


def too_short(name: str, height: int, width: int) -> ImageError:
    """The error about a file that cannot hold the pixels that its header announces."""
    return ImageError(f"{name}: cannot be read as an image (it is too short for {height}×{width} pixels)")


def several(name: str, count: int) -> ImageError:
    """The error about a file of several pictures."""
    return ImageError(
        f"{name}: holds {count} frames, but one picture is expected "
        "(first_frame, or --first-frame on the command line, reads the first)"
    )
