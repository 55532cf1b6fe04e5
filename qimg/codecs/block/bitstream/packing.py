"""Packing of bytes as LZMA2 data, unpacked only up to their size."""

import lzma
from collections.abc import Iterable
from typing import Any

from qimg.codecs.errors import BitstreamError

_DICTIONARY = 1 << 22
_DECODER: dict[str, Any] = {"id": lzma.FILTER_LZMA2, "dict_size": _DICTIONARY, "lc": 4, "lp": 0, "pb": 0}
_ENCODER = {**_DECODER, "preset": 6, "nice_len": 273}


def packed(parts: Iterable[bytes]) -> bytes:
    """Pack the parts as one stream, which exceeds them by 0.01 % and 4 bytes at most."""
    packer = lzma.LZMACompressor(format=lzma.FORMAT_RAW, filters=[_ENCODER])
    return b"".join([*map(packer.compress, parts), packer.flush()])


def unpacked(payload: bytes, least: int, most: int, name: str, *, cut: bool = False) -> bytes:
    """Unpack a stream that fills its payload; memory is allocated for `most` + 1 bytes and the dictionary.

    Args:
        payload: from `packed`.
        least: smallest number of bytes of the content.
        most: largest number of bytes of the content.
        name: what is stored, for messages.
        cut: the payload may end early; what it holds is returned.

    Raises:
        BitstreamError: the payload does not hold such a content.
    """
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[_DECODER])
    try:
        content = unpacker.decompress(payload, most + 1)
    except lzma.LZMAError as error:
        raise BitstreamError(f"{name} must be an LZMA2 stream, but cannot be unpacked ({error})") from None
    long = len(content) > most or bool(unpacker.unused_data)
    if long or (not cut and (len(content) < least or not unpacker.eof)):
        bound = f"{most}" if least == most else f"{least} to {most}"
        raise BitstreamError(f"{name} must have {bound} bytes, but is {'longer' if long else 'shorter'}")
    return content
