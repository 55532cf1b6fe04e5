"""The eight symmetries of the square: every patch is turned into a standard orientation, which reduces the classes.

Element g of the group transposes where g & 4, then mirrors left to right where g & 1 and upside down where g & 2. The
mirror image of a photograph is as likely as the photograph, so an estimator that turns, estimates and turns back is
fitted on eight orientations of each patch.
"""

from functools import cache

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK
from qimg.transforms import unitary

ELEMENTS = 8


@cache
def orders(side: int) -> Array:
    """(8, side²) read-only permutations: x[orders[g]] is the square x, flattened row by row, turned by element g."""
    pixels = np.arange(side * side).reshape(side, side)
    turned = []
    for g in range(ELEMENTS):
        square = pixels.T if g & 4 else pixels
        square = square[:, ::-1] if g & 1 else square
        square = square[::-1] if g & 2 else square
        turned.append(square.ravel())
    table = np.array(turned)
    table.setflags(write=False)
    return table


def turned_offset(offset: tuple[int, int], g: int) -> tuple[int, int]:
    """Offset in the turned 8×8 grid of a patch that has this offset in the original grid."""
    row, column = offset[::-1] if g & 4 else offset
    return (-row % BLOCK if g & 2 else row, -column % BLOCK if g & 1 else column)


_UPRIGHT = unitary("dct_2d", BLOCK * BLOCK)[[1, 8, 2, 16]].T.astype(np.float32)


def orientation(patches: Array) -> Array:
    """(n,) the element that turns each of the 8×8 patches (n, 64) into its standard orientation.

    In the standard orientation, the slope along the rows, DCT coefficient (0, 1), is the steeper one and has the same
    sign as the curvature (0, 2) and as the slope along the columns, (1, 0). Patches that differ by an element or in
    sign have the same standard orientation, unless a coefficient is zero or two slopes are equal.
    """
    across, down, bent_across, bent_down = (patches @ _UPRIGHT).T
    steep = np.abs(down) > np.abs(across)
    main, other = np.where(steep, down, across), np.where(steep, across, down)
    mirrored = main * np.where(steep, bent_down, bent_across) < 0
    upturned = np.where(mirrored, -main, main) * other < 0
    return 4 * steep + 2 * upturned + 1 * mirrored
