"""JPEG files without loss: from the bytes of a JPEG file to those of a smaller one, and back."""

import os
import zlib
from pathlib import Path

from qimg.codecs.envelope import LENGTH, MAGIC, NUMBER_AT, has_envelope
from qimg.codecs.errors import BitstreamError
from qimg.core import ArgumentError, Track, regular, to_write, write_atomically
from qimg.images import MAX_PIXELS, ImageError
from qimg.images.jpeg.markers import SegmentError

ID, NUMBER = "jpeg-recompression", 11
"""Of the codec in the registry."""


def recompress(jpeg: bytes, *, max_pixels: int | None = MAX_PIXELS, track: Track = iter) -> bytes:
    """Make a JPEG file smaller without loss: `original_jpeg` returns its bytes, and `qimg.decode` its picture.

    The quantized coefficients are coded anew, about a fifth smaller; everything else is kept: tables, metadata, restart
    markers, scans of progressive files, and data after the picture. Every file is written again and compared.

    Args:
        jpeg: a JPEG file, baseline or progressive, of 8 bits and 1 to 4 components in any sampling; it may be cut.
        max_pixels: larger pictures are refused; None accepts all.
        track: wraps the rows of blocks, for a progress bar.

    Returns:
        A file of the codec `jpeg-recompression`.

    Raises:
        ImageError: the bytes are no JPEG file, or of a kind that cannot be kept bit for bit: of 12 bits,
            arithmetic-coded, lossless or hierarchical, or with data that no encoder writes in this way.
    """
    from qimg.codecs.jpeg_recompression import bitstream
    from qimg.codecs.jpeg_recompression.planes import encode_planes
    from qimg.codecs.jpeg_recompression.scans import NotKept, scanned
    from qimg.codecs.jpeg_recompression.statistics import models

    jpeg = bytes(jpeg)
    if jpeg[:2] != b"\xff\xd8":
        begin = jpeg[:2].hex(" ").upper() or "nothing"
        raise ImageError(f"jpeg must be a JPEG file, which begins with FF D8, but begins with {begin}")
    try:
        headers, deviations = scanned(jpeg, max_pixels=max_pixels)
    except (NotKept, SegmentError) as error:
        raise ImageError(f"the JPEG file cannot be kept bit for bit: {error}") from None
    rest = sum(len(one.rest) for one in deviations.values())
    if rest > len(jpeg) // 8 + 64:
        raise ImageError(
            f"the JPEG file cannot be kept bit for bit: {rest} of its {len(jpeg)} bytes are not what an encoder "
            "writes for the coefficients that they decode to, because they are damaged or coded in an unusual way"
        )
    return bitstream.write(
        length=len(jpeg),
        crc=zlib.crc32(jpeg),
        headers=headers.content,
        deviations=deviations,
        coefficients=encode_planes(headers, models(), track=track),
    )


def original_jpeg(data: bytes, *, max_pixels: int | None = MAX_PIXELS) -> bytes:
    """The JPEG file of a file of `recompress`, bit for bit.

    Args:
        data: the file.
        max_pixels: larger pictures are refused before memory is allocated for them; None accepts all.

    Raises:
        BitstreamError: the file is of another format or codec, cut, altered or too large.
    """
    from qimg.codecs.jpeg_recompression import bitstream
    from qimg.codecs.jpeg_recompression.planes import decode_planes
    from qimg.codecs.jpeg_recompression.scans import Headers, NotKept
    from qimg.codecs.jpeg_recompression.statistics import models

    stream = bitstream.parse(data)
    try:
        headers = Headers(stream.headers, max_pixels=max_pixels)
        decode_planes(stream.coefficients.payload, headers, models())
        jpeg = headers.file(stream.deviations, stream.length)
    except (NotKept, SegmentError, BitstreamError) as error:
        raise BitstreamError(f"the JPEG file cannot be written: {error}", stream.coefficients.offset) from None
    if len(jpeg) != stream.length or zlib.crc32(jpeg) != stream.crc:
        raise BitstreamError("the JPEG file is not the one that was recompressed: its CRC or its length differs")
    return jpeg


def recompress_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    max_pixels: int | None = MAX_PIXELS,
    track: Track = iter,
) -> tuple[int, int]:
    """Recompress a JPEG file; returns its bytes and those of the file that is written, atomically.

    Args:
        source: JPEG file.
        out: file to write, which must end in .qimg.
        overwrite: replace an existing file.
        max_pixels: as for `recompress`.
        track: as for `recompress`.

    Raises:
        ImageError: as for `recompress`; the message begins with the source's name.
        OSError: a file cannot be read or written, or exists already.
    """
    path, jpeg = to_write(out, overwrite=overwrite), regular(source).read_bytes()
    if path.suffix.lower() != ".qimg":
        raise ValueError(f"{path}: the file to write must end in .qimg for recompressed JPEG files")
    try:
        data = recompress(jpeg, max_pixels=max_pixels, track=track)
    except ImageError as error:
        raise ImageError(f"{os.fspath(source)}: {error}") from None
    write_atomically(path, data, overwrite=overwrite)
    return len(jpeg), len(data)


def original_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    max_pixels: int | None = MAX_PIXELS,
) -> int:
    """Write the JPEG file of a file of `recompress_file`, atomically; returns its bytes.

    Args:
        source: the file.
        out: JPEG file to write.
        overwrite: replace an existing file.
        max_pixels: as for `original_jpeg`.

    Raises:
        ValueError: the source is a file of another codec, for which `out` would need a quality.
        BitstreamError: as for `original_jpeg`; the message begins with the source's name.
        OSError: a file cannot be read or written, or exists already.
    """
    path = to_write(out, overwrite=overwrite)
    jpeg = original_jpeg_of(source, max_pixels=max_pixels)
    write_atomically(path, jpeg, overwrite=overwrite)
    return len(jpeg)


def original_jpeg_of(source: str | os.PathLike[str], *, max_pixels: int | None = MAX_PIXELS) -> bytes:
    """The JPEG file of a file of `recompress_file`; arguments and errors as for `original_file`."""
    data = regular(source).read_bytes()
    if has_envelope(data) and not _begins(data):
        rule = "{0} must be set for .jpg files (1 to 100), because the source is no recompressed JPEG file"
        raise ArgumentError(rule, "quality").of_file(source)
    try:
        return original_jpeg(data, max_pixels=max_pixels)
    except BitstreamError as error:
        raise error.of_file(source) from None


def is_recompressed(file: str | os.PathLike[str]) -> bool:
    """Whether a file begins with the envelope of this codec."""
    path = Path(file)
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return _begins(stream.read(LENGTH))


def _begins(data: bytes) -> bool:
    return data[: NUMBER_AT + 1] == MAGIC + bytes([NUMBER])
