"""Lossless coding of the alpha channel: deflated differences between rows."""

import zlib

import numpy as np

from qimg.codecs.errors import BitstreamError
from qimg.core import Array


def encode_alpha(alpha: Array) -> bytes | None:
    """Encode an alpha channel; returns its payload, or None if every pixel is opaque and nothing needs to be stored.

    The payload is one zlib stream of the rows from the top, each minus the row above modulo 2⁸ or 2¹⁶ (the first row
    unchanged); 16-bit numbers have the low byte first.

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
    """Decode an alpha channel; the stream is unpacked only up to the size of the channel.

    Args:
        payload: from `encode_alpha`.
        alpha: (H, W) `uint8` or `uint16`, filled.

    Raises:
        BitstreamError: the payload is not a zlib stream of exactly this many pixels.
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
        actual = "longer" if len(raw) > alpha.nbytes or unpacker.unused_data else "shorter"
        raise BitstreamError(f"alpha must have {alpha.nbytes} bytes, but is {actual}")
    np.add.accumulate(np.frombuffer(raw, stored).reshape(alpha.shape), axis=0, dtype=alpha.dtype, out=alpha)
