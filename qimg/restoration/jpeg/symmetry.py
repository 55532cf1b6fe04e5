"""The eight symmetries of the square: every patch turned into one orientation, so that classes need not repeat it.

Element g of the group transposes where g & 4, then mirrors left to right where g & 1 and upside down where g & 2. A
picture of a photograph's mirror image is as likely as the photograph: an estimator that turns, estimates and turns back
has learnt each patch from eight orientations.
"""

from functools import cache

import numpy as np

from qimg.core import Array
from qimg.images.jpeg.blocks import BLOCK
from qimg.transforms import unitary

ELEMENTS = 8


@cache
def orders(side: int) -> Array:
    """(8, side²), read-only: x[orders[g]] is the square x, flattened row by row, turned by element g."""
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
    """Where a patch that lies at an offset in the 8×8 grid lies in the turned picture, whose grid is turned as well."""
    row, column = offset[::-1] if g & 4 else offset
    return (-row % BLOCK if g & 2 else row, -column % BLOCK if g & 1 else column)


_UPRIGHT = unitary("dct_2d", BLOCK * BLOCK)[[1, 8, 2, 16]].T.astype(np.float32)


def orientation(patches: Array) -> Array:
    """(n,) the element that turns each of the 8×8 patches (n, 64) into its standard orientation.

    There the slope along the rows, as DCT coefficient (0, 1) measures it, is the steeper one, has the sign of the
    curvature (0, 2), and has the sign of the slope down the columns, (1, 0). Patches that differ by an element, or in
    sign, end up alike unless a coefficient is zero or two slopes are equal.
    """
    across, down, bent_across, bent_down = (patches @ _UPRIGHT).T
    steep = np.abs(down) > np.abs(across)
    main, other = np.where(steep, down, across), np.where(steep, across, down)
    mirrored = main * np.where(steep, bent_down, bent_across) < 0
    upturned = np.where(mirrored, -main, main) * other < 0
    return 4 * steep + 2 * upturned + 1 * mirrored
