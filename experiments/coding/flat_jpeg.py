"""Quantized DCT coefficients of luma, one step for all frequencies: those of a JPEG file, whose size is measured."""

import io
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from PIL import Image

from experiments._run import Array
from qimg import metrics
from qimg.images.jpeg import read_jpeg

FREQUENCIES = tuple(
    sorted(range(64), key=lambda place: (sum(divmod(place, 8)), divmod(place, 8)[sum(divmod(place, 8)) % 2 == 0]))
)
"""Places of the 64 coefficients in a block, row by row, in zigzag order."""

_START_OF_SCAN = b"\xff\xda"


@dataclass(frozen=True, eq=False, kw_only=True)
class FlatJpeg:
    """A gray picture as a JPEG file with optimised Huffman codes and the same step for all frequencies."""

    symbols: Array
    """(64, R, C) int32 quantized coefficients in zigzag order."""
    file: bytes
    psnr_db: float
    """Of the decoded file, on luma rounded to whole code values."""

    @property
    def scan_bytes(self) -> int:
        """Bytes of the entropy-coded data, without headers and tables, and with the marker at the end."""
        start = self.file.index(_START_OF_SCAN) + len(_START_OF_SCAN)
        return len(self.file) - start - int.from_bytes(self.file[start : start + 2], "big")


def flat_jpeg(luma: Array, step: int) -> FlatJpeg:
    """The file and the coefficients of (H, W) `uint8` luma at a quantization step of 1 to 255."""
    content = io.BytesIO()
    Image.fromarray(luma).save(content, "JPEG", qtables=[[step] * 64], optimize=True)
    file = content.getvalue()
    blocks = read_jpeg(file).components[0].coefficients
    flat = blocks.reshape(*blocks.shape[:2], 64)[..., FREQUENCIES]
    with Image.open(content) as picture:
        decoded = np.asarray(picture)
    return FlatJpeg(
        symbols=np.ascontiguousarray(np.moveaxis(flat, 2, 0)).astype(np.int32),
        file=file,
        psnr_db=metrics.psnr_db(luma, decoded),
    )


def recompressed_bytes(file: bytes) -> int | None:
    """Size of a JPEG file that JPEG XL compressed again without loss; None without imagecodecs.

    Raises:
        ValueError: the restored file is another one.
    """
    if find_spec("imagecodecs") is None:
        return None
    import imagecodecs

    compressed = imagecodecs.jpegxl_encode_jpeg(file)
    if bytes(imagecodecs.jpegxl_decode_jpeg(compressed, numthreads=1)) != file:
        raise ValueError("JPEG XL does not restore the JPEG file")
    return len(compressed)
