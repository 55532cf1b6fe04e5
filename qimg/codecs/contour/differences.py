"""Coding of colours by their channels: the difference of each channel from its prediction by the neighbours."""

from qimg.codecs.contour.surroundings import LONG, MARGIN, SHORT, Surroundings
from qimg.core import Array
from qimg.core.compiled import inner
from qimg.entropy.hashed_mixing import HashedModel, code_hashed_bit, hashed
from qimg.entropy.mixing import Coder

_BITS = 8
_SALT = 1 << 16  # above the salts of other decisions


@inner
def code_differences(
    coder: Coder,
    model: HashedModel,
    around: Surroundings,
    picture: Array,
    palette: Array,
    column: int,
    actual: int,
    channels: int,
    kind: int,
    selector: int,
) -> int:
    """Code a colour channel by channel; returns the colour.

    The difference modulo 256 from the median of left, above and left + above − left above is folded to 0, −1, 1, −2, …
    and coded by its bits from the highest. The contexts of the model are replaced.

    Args:
        coder: writer or reader.
        model: state of the contexts, modified.
        around: state of the surroundings of the pixel.
        picture: as for `qimg.codecs.contour.pixels.code_part`.
        palette: as for `picture`.
        column: of the pixel in `picture`.
        actual: the colour, if `coder` writes.
        channels: 1 to 4.
        kind: first of 32 kinds.
        selector: first of 512 selectors.
    """
    row = MARGIN
    left, above = _colour(palette, picture[row, column - 1]), _colour(palette, picture[row - 1, column])
    corner, right = _colour(palette, picture[row - 1, column - 1]), _colour(palette, picture[row - 1, column + 1])
    left2, above2 = _colour(palette, picture[row, column - 2]), _colour(palette, picture[row - 2, column])
    long, short = around.predicted[LONG] + 1, around.predicted[SHORT] + 1
    hashes = model.hashes
    colour, drift = 0, 0
    for channel in range(channels):
        shift = _BITS * (channels - 1 - channel)
        a, b, c, d = left >> shift & 255, above >> shift & 255, corner >> shift & 255, right >> shift & 255
        a2, b2 = left2 >> shift & 255, above2 >> shift & 255
        moved, plane = drift & 255, (a + b - c) & 1023
        hashes[0] = 0
        hashes[1] = hashed(1, a)
        hashes[2] = hashed(2, b)
        hashes[3] = hashed(3, a << 8 | b)
        hashes[4] = hashed(4, a << 16 | b << 8 | c)
        hashes[5] = hashed(5, plane)
        hashes[6] = hashed(6, plane << 8 | moved)
        hashes[7] = hashed(7, moved)
        hashes[8] = hashed(8, abs(a - b) << 8 | moved)
        hashes[9] = hashed(9, abs(a - c) >> 2 << 16 | abs(b - c) >> 2 << 8 | abs(b - d) >> 2)
        hashes[10] = hashed(10, a >> 3 << 15 | b >> 3 << 10 | c >> 3 << 5 | d >> 3)
        hashes[11] = hashed(hashed(11, left), colour)
        hashes[12] = hashed(hashed(12, above), colour)
        hashes[13] = hashed(hashed(hashed(13, left), above), colour)
        hashes[14] = hashed(hashed(14, short), colour)
        hashes[15] = hashed(hashed(15, long), colour)
        hashes[16] = hashed(16, colour)
        hashes[17] = hashed(17, ((2 * a - a2) & 1023) << 8 | moved)
        hashes[18] = hashed(18, ((2 * b - b2) & 1023) << 8 | moved)
        predicted = max(min(a, b), min(max(a, b), a + b - c))
        difference = (((actual >> shift & 255) - predicted + 128) & 255) - 128
        folded = 2 * difference if difference >= 0 else -2 * difference - 1
        node = 1
        for bit in range(_BITS - 1, -1, -1):
            at = channel * _BITS + bit
            model.mixture.selected[0] = selector + node
            model.mixture.selected[1] = selector + 256 + channel * 64 + min(abs(drift), 63)
            model.mixture.selected[2] = model.mixture.selected[4] = selector + at
            one = code_hashed_bit(coder, model, kind + at, _SALT + channel * 256 + node, int(folded >> bit & 1))
            node = 2 * node + one
        folded = node - 256
        drift = -(folded + 1) // 2 if folded & 1 else folded // 2
        colour = colour << _BITS | (predicted + drift) & 255
    return int(colour)


@inner
def _colour(palette: Array, number: int) -> int:
    """The colour of a number, which is a colour itself if the palette is empty."""
    return int(palette[number] if palette.size else number)
