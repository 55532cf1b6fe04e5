"""The alpha channel, kept without loss: rows as differences from the row above, deflated."""

import zlib

import numpy as np

from qimg.codecs.errors import BitstreamError
from qimg.core import Array


def encode_alpha(alpha: Array) -> bytes | None:
    """The payload of an alpha channel, or None where every pixel is opaque: then nothing is stored.

    Row by row from the top, each minus the one above modulo 2⁸ or 2¹⁶ (the first one as it is), 16 bits with the low
    byte first, as one zlib stream.

    Args:
        alpha: (H, W) `uint8` or `uint16`.
    """
    if (alpha == np.iinfo(alpha.dtype).max).all():
        return None
    packer = zlib.compressobj(9)
    parts, above = [], np.zeros_like(alpha[0])
    for row in alpha:
        parts.append(packer.compress((row - above).astype(row.dtype.newbyteorder("<")).tobytes()))
        above = row
    return b"".join([*parts, packer.flush()])


def decode_alpha(payload: bytes | None, alpha: Array) -> None:
    """Write an alpha channel; of the stream no more is unpacked than the channel holds.

    Args:
        payload: from `encode_alpha`.
        alpha: (H, W) `uint8` or `uint16`, written.

    Raises:
        BitstreamError: the payload is no zlib stream of exactly this many pixels.
    """
    if payload is None:
        alpha[...] = np.iinfo(alpha.dtype).max
        return
    stored = alpha.dtype.newbyteorder("<")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(payload, alpha.nbytes + 1)
    except zlib.error as error:
        raise BitstreamError(f"alpha must be a zlib stream, but cannot be unpacked ({error})") from None
    if len(raw) != alpha.nbytes or not unpacker.eof or unpacker.unused_data:
        ending = "goes on" if len(raw) > alpha.nbytes or unpacker.unused_data else "ends before"
        raise BitstreamError(f"alpha must end after {alpha.nbytes} bytes, but {ending}")
    np.add.accumulate(np.frombuffer(raw, stored).reshape(alpha.shape), axis=0, dtype=alpha.dtype, out=alpha)
