"""The block codec as an object of the codec protocol."""

from dataclasses import dataclass

from qimg.codecs.block.bitstream.container import ID
from qimg.codecs.block.decoder.decode import decode
from qimg.codecs.block.decoder.description import BlockInfo, describe
from qimg.codecs.block.encoder.encode import BlockEncoded, encode
from qimg.codecs.protocol import METADATA, Capabilities, CurveSettings, Decoded, DecodeOptions, EncodeOptions
from qimg.core import Array, Track

_OPTIONS = (
    "quality",
    "size",
    "bits_per_pixel",
    "psnr_db",
    "effort",
    "progressive",
    "stable",
    "tune",
    "colour",
    "profile",
    "importance",
    "tables",
    *METADATA,
)


@dataclass(frozen=True)
class BlockCodec:
    """The block codec: prediction and class eigenbases of blocks, a mixed entropy model."""

    id = ID
    name = "qimg"
    about = "this package"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset(_OPTIONS), alpha=True, sixteen_bit=True)
    curve = CurveSettings(option="quality", settings=(2, 8, 14, 20, 27, 34, 41, 48, 56, 70))
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> BlockEncoded:
        """Encode a picture; see `qimg.codecs.block.encoder.encode.encode`."""
        return encode(image, options, track=track)

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; see `qimg.codecs.block.decoder.decode.decode`."""
        return decode(data, options)

    def info(self, data: bytes) -> BlockInfo:
        """Describe a file; see `qimg.codecs.block.decoder.description.describe`."""
        return describe(data)


CODEC = BlockCodec()
