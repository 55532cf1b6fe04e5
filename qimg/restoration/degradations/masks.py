"""Missing pixels in pictures that serve as masks."""

import numpy as np

from qimg.core import Array
from qimg.images import ImageError, check_image, has_alpha, without_alpha


def missing_in(mask: Array, shape: tuple[int, ...]) -> tuple[Array, str]:
    """The missing pixels that a picture marks, and a remark on values that are neither black nor white.

    Two values, one of them black, mark missing pixels by the other, whatever it is: 0 and 1, 0 and 255, 0 and 65535, a
    colour on black. With any other values, a pixel is missing where its largest channel is above one half of white.

    Args:
        mask: (H, W), or (H, W, 3), with an opaque alpha channel or none, `uint8` or `uint16`.
        shape: (H, W) of the picture.

    Returns:
        (H, W) bool, True where a pixel is missing, and the remark, "" if there is none.

    Raises:
        ImageError: the mask has another size, transparent pixels, or grays of which none is above one half; or all
            pixels are missing.
    """
    pixels = check_image("mask", mask)
    if pixels.shape[:2] != tuple(shape):
        sizes = [f"{width} × {height}" for height, width in (shape, pixels.shape[:2])]
        raise ImageError(f"the mask must have {sizes[0]} pixels as the picture, but has {sizes[1]}")
    white = np.iinfo(pixels.dtype).max
    if has_alpha(pixels) and (pixels[..., -1] != white).any():
        raise ImageError("the mask must be opaque: flatten it, so that missing pixels are white on black")
    colours = without_alpha(pixels)
    values = colours if colours.ndim == 2 else colours.max(axis=2)
    levels = np.unique(values)
    if len(levels) == 1 or (len(levels) == 2 and levels[0] == 0):
        return _not_all(values > 0), ""
    missing = values > white / 2
    if not missing.any():
        shown = ", ".join(map(str, levels[:4])) + (", …" if len(levels) > 4 else "")
        rule = "the mask must be black except for one value, or have pixels above one half of white"
        raise ImageError(f"{rule} ({white}), but its values are {shown}")
    between = int(((values > 0) & (values < white)).sum())
    remark = f"{between} pixels of the mask are neither black nor white; above one half they count as missing"
    return _not_all(missing), remark if between else ""


def _not_all(missing: Array) -> Array:
    if missing.all():
        raise ImageError("the mask must leave at least one pixel, but marks all of them as missing")
    return missing
