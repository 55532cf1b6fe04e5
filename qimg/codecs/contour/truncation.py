"""Truncation of progressive files to a size without decoding."""

from qimg.codecs.contour.bitstream import CUT, PIXELS, parse
from qimg.codecs.envelope import assemble
from qimg.core import arguments

_WORD = 4


def truncate(data: bytes, size: int) -> bytes:
    """Truncate a progressive file to a valid file of at most `size` bytes: whole layers, and the beginning of the next.

    Metadata are preserved. A file that is small enough is returned unchanged.

    Args:
        data: a progressive file, which may be the result of an earlier truncation.
        size: bytes, at least those of the file without pixels.

    Raises:
        BitstreamError: `data` is of another format, cut or altered.
        ValueError: the file is not progressive, or `size` is too small.

    >>> import numpy as np
    >>> import qimg
    >>> picture = np.random.default_rng(0).integers(0, 4, (32, 32), np.uint8) * 60
    >>> data = qimg.encode(picture, codec="contour", lossless=True, progressive=True)
    >>> len(truncate(data, 200))
    200
    """
    arguments.integer("size", size, 1)
    stream = parse(data)
    if not stream.header.layers:
        raise ValueError("data must be a progressive file, but is a sequential file")
    if len(data) <= size:
        return data
    layers = [(chunk.tag, chunk.payload) for chunk in stream.chunks if chunk.tag in (PIXELS, CUT)]
    place = next(index for index, chunk in enumerate(stream.chunks) if chunk.tag in (PIXELS, CUT))
    others = [(chunk.tag, chunk.payload) for chunk in stream.chunks if chunk.tag not in (PIXELS, CUT)]

    def of(chunks: list[tuple[bytes, bytes]]) -> bytes:
        return assemble(stream.header.to_bytes(), [*others[:place], *chunks, *others[place:]])

    least = len(of([(CUT, b"")]))
    if size < least:
        raise ValueError(f"size must be at least {least} for this file, but size={size}")
    whole = max(count for count in range(len(layers)) if count == 0 or len(of(layers[:count])) <= size)
    low, high = -1, len(layers[whole][1]) // _WORD
    while high - low > 1:  # of `low` words the file fits, of `high` it does not, or is whole
        middle = (low + high) // 2
        fits = len(of([*layers[:whole], (CUT, layers[whole][1][: middle * _WORD])])) <= size
        low, high = (middle, high) if fits else (low, middle)
    if low < 0:
        return of(layers[:whole])
    return of([*layers[:whole], (CUT, layers[whole][1][: low * _WORD])])
