"""The recompression of JPEG files as an object of the codec protocol."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from qimg.codecs.errors import BitstreamError
from qimg.codecs.jpeg_recompression.bitstream import Stream, parse
from qimg.codecs.jpeg_recompression.recompression import ID, original_jpeg, recompress
from qimg.codecs.protocol import (
    METADATA,
    Capabilities,
    Decoded,
    DecodeOptions,
    Encoded,
    EncodeOptions,
    Info,
)
from qimg.core import Array, Track, arguments
from qimg.core.records import short_repr
from qimg.images.jpeg.markers import SegmentError
from qimg.images.jpeg.reader import Reader
from qimg.images.metadata import Metadata, fitting, options_for
from qimg.images.planes import colours
from qimg.images.reading.tags import stored_metadata

_MODES = {"L": 1, "RGB": 3}


@short_repr
@dataclass(frozen=True, kw_only=True)
class RecompressedInfo(Info):
    """The description of a recompressed JPEG file."""

    jpeg_bytes: int
    """Bytes of the JPEG file."""

    @property
    def details(self) -> dict[str, str]:
        """The JPEG file."""
        share = 100 * sum(self.parts.values()) / self.jpeg_bytes
        return {"JPEG file": f"{self.jpeg_bytes:,} bytes, of which this file has {share:.1f} %"}


@dataclass(frozen=True)
class JpegRecompression:
    """JPEG files made smaller without loss; a picture is first encoded as JPEG, 4:2:0, by Pillow."""

    id = ID
    name = "qimg JPEG recompression"
    about = "JPEG files of Pillow, 4:2:0, recompressed by this package"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset({"quality", *METADATA}))
    curve = None  # that of JPEG, with fewer bytes
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
        """Encode a picture as JPEG at a quality, and recompress the file.

        Args:
            image: `uint8`, (H, W) or (H, W, 3).
            options: quality, a whole number from 1 to 100, and metadata, which the JPEG file holds.
            track: wraps the rows of blocks.
        """
        quality = options.quality if options.quality is not None else np.nan
        whole = 1 <= quality <= 100 and float(quality).is_integer()
        arguments.require(whole, "quality", "must be a whole number in [1, 100]", options.quality)
        metadata = Metadata(icc_profile=options.icc_profile, exif=options.exif, xmp=options.xmp)
        kept = fitting(metadata, ".jpg", colours(image), "the JPEG file")
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=int(quality), **options_for(".jpg", kept))
        data = recompress(file.getvalue(), max_pixels=None, track=track)
        return Encoded(data=data, bits_per_pixel=8 * len(data) / (image.shape[0] * image.shape[1]))

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode the picture of the JPEG file, by Pillow, with the metadata that it stores."""
        jpeg = original_jpeg(data, max_pixels=options.max_pixels)
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
                if picture.mode not in _MODES:
                    raise BitstreamError(
                        f"pixels must be gray or RGB, but are {picture.mode}; original_jpeg returns the file"
                    )
                image = np.array(picture)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise BitstreamError(f"the picture of the JPEG file cannot be decoded ({error})") from None
        metadata = stored_metadata("JPEG", jpeg, "the JPEG file")
        return Decoded(image=image, icc_profile=metadata.icc_profile, exif=metadata.exif, xmp=metadata.xmp)

    def info(self, data: bytes) -> RecompressedInfo:
        """Describe a file, which must be complete; raises `BitstreamError` if it is not a file of this codec."""
        stream = parse(data)
        height, width, channels = _size(stream)
        metadata = stored_metadata("JPEG", stream.headers, "the JPEG file")
        return RecompressedInfo(
            codec=ID,
            width=width,
            height=height,
            channels=channels,
            bit_depth=8,
            parts=stream.parts,
            icc_profile=metadata.icc_profile,
            exif=metadata.exif,
            xmp=metadata.xmp,
            jpeg_bytes=stream.length,
        )


def _size(stream: Stream) -> tuple[int, int, int]:
    """Rows, columns and channels of the picture."""
    reader = Reader(stream.headers)
    try:
        frame = reader.read_header()
    except SegmentError as error:
        raise BitstreamError(f"the headers of the JPEG file are damaged ({error})") from None
    return frame.height or reader.height_after_scan(), frame.width, 1 if len(frame.components) == 1 else 3


CODEC = JpegRecompression()
