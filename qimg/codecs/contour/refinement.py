"""Contexts of the pixels of a finer layer: the coarser layer around them, also to the right and below."""

from qimg.codecs.contour.surroundings import CONTEXTS, LONG, MARGIN, REACH, SHORT, Surroundings, coarse_square
from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.hashed_mixing import HashedModel, hashed

LAYER_CONTEXTS = CONTEXTS + 13
"""Contexts of each decision in a finer layer."""
_NEAR = (6, 12)  # nearest pixels of contexts together with the pixel of the coarser layer


@inner
def look_at_coarse(around: Surroundings, model: HashedModel, picture: Array, coarse: Array, column: int) -> None:
    """Set the contexts of a pixel from number `CONTEXTS` on.

    Args:
        around: state of the surroundings of the pixel.
        model: its `hashes` are set.
        picture: as for `qimg.codecs.contour.surroundings.look_around`; the pixel is in row MARGIN.
        coarse: as for `qimg.codecs.contour.surroundings.coarse_square`.
        column: as for `qimg.codecs.contour.surroundings.coarse_square`.
    """
    near, hashes = around.near, model.hashes
    left, above, corner, right = near[0], near[1], picture[MARGIN - 1, column - 1], picture[MARGIN - 1, column + 1]
    same = coarse[REACH, column]
    before, over = coarse[REACH, column - 1], coarse[REACH - 1, column]
    after, below = coarse[REACH, column + 1], coarse[REACH + 1, column]
    changed = (left != before) + 2 * (above != over)
    changed += 4 * (corner != coarse[REACH - 1, column - 1]) + 8 * (right != coarse[REACH - 1, column + 1])
    equal = (left == same) + 2 * (above == same) + 4 * (corner == same) + 8 * (right == same)
    ring, shape = 0, 0
    for row in range(2 * REACH + 1):
        for place in range(-REACH, REACH + 1):
            bit = int(coarse[row, column + place] == same)
            shape = 2 * shape + bit
            if abs(row - REACH) <= 1 and abs(place) <= 1:
                ring = 2 * ring + bit
    square, wide = coarse_square(coarse, column, 1), coarse_square(coarse, column, REACH)
    long, short = around.predicted[LONG] + 1, around.predicted[SHORT] + 1
    exact = hashed(27, same)
    for i in range(_NEAR[1]):
        if i == _NEAR[0]:
            hashes[CONTEXTS] = exact
        exact = hashed(exact, near[i])
    n = CONTEXTS
    hashes[n + 1] = exact
    hashes[n + 2] = hashed(hashed(hashed(hashed(21, same), left), above), changed & 3)
    hashes[n + 3] = hashed(hashed(hashed(hashed(hashed(hashed(22, same), before), over), after), below), changed)
    hashes[n + 4] = hashed(23, ring << 4 | changed)
    hashes[n + 5] = hashed(
        hashed(hashed(hashed(hashed(hashed(hashed(24, same), left), above), corner), right), after), below
    )
    hashes[n + 6] = hashed(hashed(25, shape), changed)
    hashes[n + 7] = hashed(hashed(hashed(hashed(26, same), long), short), changed & 1)
    hashes[n + 8] = hashed(28, changed << 5 | equal << 1 | (after == same))
    hashes[n + 9] = hashed(square, changed)
    hashes[n + 10] = hashed(hashed(square, left), above)
    hashes[n + 11] = hashed(hashed(wide, left), above)
    exact = hashed(hashed(hashed(exact, after), below), coarse[REACH + 1, column - 1])
    hashes[n + 12] = hashed(
        hashed(hashed(exact, coarse[REACH + 1, column + 1]), coarse[REACH + 2, column]), coarse[REACH, column + 2]
    )
