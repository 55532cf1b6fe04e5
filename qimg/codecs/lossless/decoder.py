"""The decoder of the lossless codec: from the bytes of a file to a picture, in integers."""

import numpy as np

from qimg.codecs.envelope import metadata_of
from qimg.codecs.errors import BitstreamError
from qimg.codecs.lossless.bitstream import PLAIN, Header, parse
from qimg.codecs.lossless.planes import decode_planes
from qimg.codecs.protocol import Decoded, DecodeOptions
from qimg.core import Array


def decode(data: bytes, options: DecodeOptions) -> Decoded:
    """Decode a file; the picture is the same on every machine.

    Memory in addition to the picture is once more the stored samples, about 1 KiB for each column and plane, and 16
    MiB for the contexts.

    Raises:
        BitstreamError: the file is of another format or codec, cut, altered or too large.
    """
    stream = parse(data)
    header = stream.header
    options.check_area(header.height, header.width)
    kind = np.uint16 if header.bit_depth == 16 else np.uint8
    samples = np.empty((header.height, header.width, len(header.stored)), kind)
    try:
        if stream.samples.tag == PLAIN:
            _read_plain(stream.samples.payload, samples, header.bits)
        else:
            needed = options.rows_needed(header.height)
            decode_planes(stream.samples.payload, samples, header.bits, needed=needed)
    except BitstreamError as error:
        raise BitstreamError(str(error), stream.samples.offset) from None
    return Decoded(image=_image(samples, header), partial=False, **metadata_of(stream.chunks))


def _read_plain(payload: bytes, samples: Array, bits: int) -> None:
    """Read samples that are not coded: the higher byte first."""
    if len(payload) != samples.nbytes:
        raise BitstreamError(f"the plain samples must have {samples.nbytes} bytes, but have {len(payload)}")
    samples[:] = np.frombuffer(payload, samples.dtype.newbyteorder(">")).reshape(samples.shape)
    if int(samples.max()) >> bits:
        raise BitstreamError(f"the plain samples must be below {1 << bits}, but one is {samples.max()}")


def _image(samples: Array, header: Header) -> Array:
    """The picture of the stored samples (H, W, planes)."""
    samples <<= header.zeros
    if header.channels == 1:
        return samples[..., 0]
    image = np.full((*samples.shape[:2], header.channels), np.iinfo(samples.dtype).max, samples.dtype)
    image[..., header.stored] = samples
    if header.one_plane:
        image[..., :3] = samples[..., :1]
    return image
