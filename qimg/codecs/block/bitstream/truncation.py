"""Truncation of progressive files to a size without decoding."""

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.parameters import parameters_of
from qimg.codecs.block.layers.picture import CUT, least_length
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments


def truncate(data: bytes, size: int) -> bytes:
    """Truncate a progressive file to a valid file of at most `size` bytes.

    Metadata and alpha are preserved. A file that is small enough is returned unchanged.

    Args:
        data: a progressive file, which may be the result of an earlier truncation.
        size: bytes, at least those of the file without pixels, or with the means of more than 2²⁰ pixels.

    Raises:
        BitstreamError: `data` is of another format, cut or altered.
        ValueError: the file is not progressive, or `size` is too small.
    """
    arguments.integer("size", size, 1)
    stream = container.parse(data)
    if not stream.header.progressive:
        raise ValueError("data must be a progressive file, but is a sequential file")
    if len(data) <= size:
        return data
    tag = container.LOSSLESS if stream.all(container.LOSSLESS) else container.SEGMENT
    payload = b"".join(chunk.payload for chunk in stream.all(tag))
    places = [index for index, chunk in enumerate(stream.chunks) if chunk.tag == tag]
    if not (places or stream.all(container.FLAT)):
        raise BitstreamError("a progressive file must have segments, but has none", stream.size)
    if not places:
        raise ValueError(f"size must be at least {len(data)} for this file, which has flat areas only, but size={size}")
    before, after = (
        [(chunk.tag, chunk.payload) for chunk in part]
        for part in (stream.chunks[: places[0]], stream.chunks[places[-1] + 1 :])
    )

    def of_length(length: int) -> bytes:
        prefix = bytes([payload[0] | CUT]) + payload[1:length]
        return container.assemble(stream.header, [*before, *container.segments(prefix, tag), *after])

    header = stream.header
    least = least_length(parameters_of(header), header.planes, header.height, header.width)
    low, high = max(1, least), len(payload)
    if len(of_length(low)) > size:
        raise ValueError(f"size must be at least {len(of_length(low))} for this file, but size={size}")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(of_length(middle)) <= size else (low, middle)
    return of_length(low)
