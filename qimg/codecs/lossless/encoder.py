"""The encoder of the lossless codec: from a picture to the bytes of a file."""

import math
from dataclasses import replace

import numpy as np

from qimg.codecs.envelope import metadata_around
from qimg.codecs.lossless.bitstream import PLAIN, SAMPLES, Header, write
from qimg.codecs.lossless.planes import encode_planes
from qimg.codecs.protocol import Encoded, EncodeOptions
from qimg.core import Array, Track


def encode(image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
    """Encode a picture as a file that decodes to exactly its samples.

    Args:
        image: `uint8` or `uint16`, (H, W), (H, W, 2) gray + alpha, (H, W, 3) or (H, W, 4) RGB + alpha.
        options: metadata.
        track: wraps the indices of the rows.
    """
    planes = image.reshape(*image.shape[:2], -1)
    header = _header(planes)
    samples = planes[..., header.stored] >> header.zeros
    payload, tag = encode_planes(samples, header.bits, track=track), SAMPLES
    if len(payload) > samples.nbytes:
        payload, tag = samples.astype(samples.dtype.newbyteorder(">")).tobytes(), PLAIN
    before, after = metadata_around(options)
    data = write(header, payload, tag=tag, before=before, after=after)
    return Encoded(data=data, bits_per_pixel=8 * len(data) / (image.shape[0] * image.shape[1]), psnr_db=math.inf)


def _header(planes: Array) -> Header:
    """The header of a picture (H, W, channels)."""
    header = Header.of(planes)
    if planes.itemsize == 1:
        return header
    used = int(np.bitwise_or.reduce(planes[..., header.stored], axis=None))
    zeros = min((used & -used).bit_length() - 1, 8) if used else 0
    return replace(header, bit_depth=16, bits=max(8, used.bit_length() - zeros), zeros=zeros)
