"""IDX files, the format of MNIST: arrays of bytes with their lengths, usually compressed by gzip."""

import gzip
import os
import zlib
from pathlib import Path

import numpy as np

from qimg.core import Array, integer
from qimg.images.contents import content_of
from qimg.images.planes import ImageError

_EIGHT_BITS = b"\0\0\x08"
_GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str], dimensions: int) -> Array:
    """The values of an IDX file of unsigned bytes, which may be compressed by gzip.

    The format: two zero bytes, the type of the values (8), the number of dimensions, the length of each dimension as
    four bytes, highest first, and the values, last dimension first.

    Args:
        path: such as `train-images-idx3-ubyte.gz`, with three dimensions (pictures, rows, columns).
        dimensions: number of dimensions, at least 1.

    Returns:
        Array of `uint8`, read-only.

    Raises:
        ImageError: the file is missing, cut, too long, or has other values or dimensions.
    """
    integer("dimensions", dimensions, 1, 255)
    file = Path(path)
    content = content_of(file, "an IDX file")
    try:
        return _values(gzip.decompress(content) if content.startswith(_GZIP) else content, dimensions)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        form = f"no IDX file of {dimensions} dimension{'s' if dimensions > 1 else ''} and 8 bits"
        raise ImageError(f"{file}: is {form} ({error})") from None


def _values(content: bytes, dimensions: int) -> Array:
    if content[:4] != _EIGHT_BITS + bytes([dimensions]):
        raise ValueError(f"it begins with {content[:4]!r}")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(f"its lengths need {start} bytes, but it has {len(content)}")
    shape = np.frombuffer(content, ">u4", dimensions, 4).tolist()
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != np.prod(shape, dtype=object):
        raise ValueError(f"it has {values.size} values, but its lengths {shape} need {np.prod(shape, dtype=object)}")
    return values.reshape(shape)
