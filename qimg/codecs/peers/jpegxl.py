"""JPEG XL by imagecodecs (libjxl); the target is the Butteraugli distance."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from qimg.codecs.peers.peer import Peer, described, refused
from qimg.codecs.protocol import Capabilities, CurveSettings, Decoded, DecodeOptions, EncodeOptions, Info
from qimg.core import Array, arguments


def _write(image: Array, options: EncodeOptions) -> bytes:
    from imagecodecs import jpegxl_encode

    distance = -1.0 if options.distance is None else options.distance
    arguments.require(0 < distance <= 25, "distance", "must be in (0, 25]", options.distance)
    return bytes(jpegxl_encode(image, distance=distance, effort=7, numthreads=1))


@dataclass(frozen=True, kw_only=True)
class _JpegXl(Peer):
    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; `max_pixels` is checked after decoding."""
        from imagecodecs import jpegxl_decode

        with refused(self.name):
            image = np.asarray(jpegxl_decode(data, numthreads=1))
        options.check_area(*image.shape[:2])
        return Decoded(image=image)

    def info(self, data: bytes) -> Info:
        """Describe a file by decoding it."""
        image = self.decode(data, DecodeOptions()).image
        return described(self.id, data, image.shape[:2], 1 if image.ndim == 2 else image.shape[2], {})


CODEC = _JpegXl(
    id="peer:jpegxl",
    name="JPEG XL",
    about="libjxl by imagecodecs, effort 7, by distance",
    suffix=".jxl",
    form="",
    capabilities=Capabilities(options=frozenset({"distance"})),
    # From distance 20 on, libjxl codes a picture of half the size.
    curve=CurveSettings(option="distance", settings=(19, 13, 9, 6, 4, 2.7, 1.8, 1.1, 0.7, 0.45), whole=False),
    write=_write,
    needs="imagecodecs",
    is_installed=lambda: find_spec("imagecodecs") is not None,
)
