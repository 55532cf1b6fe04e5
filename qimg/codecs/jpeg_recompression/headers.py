"""The headers of a JPEG file in few bytes: deflated with a dictionary of what most files begin with."""

import zlib
from functools import cache

from qimg.codecs.envelope import Reader, varint
from qimg.codecs.errors import BitstreamError
from qimg.images.jpeg.huffman import TYPICAL
from qimg.images.jpeg.markers import ZIGZAG

LONGEST = 1 << 31
"""Most bytes of headers and of data after the picture."""
_QUALITIES = (50, 60, 70, 80, 85, 92, 95, 90, 75)
_LUMA = bytes.fromhex(
    "100b0a101828333d0c0c0e131a3a3c370e0d1018283945380e11161d3357503e"
    "12162538446d674d182337405168715c31404e5767797865485c5f6270646763"
)
"""Quantization tables of annex K, row-major."""
_CHROMA = bytes.fromhex("1112182f6363636312151a4263636363181a3863636363632f42") + bytes([99] * 38)


def packed(headers: bytes) -> bytes:
    """Headers in few bytes."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _dictionary())
    return varint(len(headers)) + pack.compress(headers) + pack.flush()


def unpacked(payload: bytes) -> bytes:
    """The headers; raises `BitstreamError` if they are damaged."""
    reader = Reader(payload)
    length = reader.bounded("the length of the headers", 4, LONGEST)
    unpack = zlib.decompressobj(-15, _dictionary())
    try:
        headers = unpack.decompress(payload[reader.offset :], length)
        rest = unpack.decompress(unpack.unconsumed_tail, 1)
    except zlib.error as error:
        raise BitstreamError(f"the headers are damaged ({error})") from None
    if len(headers) != length or rest or not unpack.eof or unpack.unused_data:
        raise BitstreamError(f"the headers must unpack to {length} bytes, but do not")
    return headers


@cache
def _dictionary() -> bytes:
    """Quantization tables of libjpeg at several qualities, and the segments of its files."""
    parts = [_tables(quality) for quality in _QUALITIES]
    parts.append(
        bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffe1ffe2ffc20011080300020003012200021101031101")
    )
    parts.append(
        bytes.fromhex("ffda000c03010002110311003f00ffda0008010100013f10ffd9ffc00011080200030003012200021101031101")
    )
    for (kind, number), table in sorted(TYPICAL.items(), key=lambda item: item[0][::-1]):
        length = 19 + len(table.symbols)
        parts.append(
            b"\xff\xc4" + length.to_bytes(2, "big") + bytes([kind << 4 | number]) + table.counts + table.symbols
        )
    parts.append(bytes.fromhex("ffda000c03010002110311003f00ffd9"))
    return b"".join(parts)


def _tables(quality: int) -> bytes:
    """Segments of the two quantization tables of libjpeg at a quality."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    segments = b""
    for number, table in enumerate((_LUMA, _CHROMA)):
        steps = bytes(min(max((table[place] * scale + 50) // 100, 1), 255) for place in ZIGZAG)
        segments += b"\xff\xdb\x00\x43" + bytes([number]) + steps
    return segments
