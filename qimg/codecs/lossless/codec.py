"""The lossless codec as an object of the codec protocol."""

from dataclasses import dataclass

from qimg.codecs.envelope import metadata_of
from qimg.codecs.lossless.bitstream import ID, parse
from qimg.codecs.lossless.decoder import decode
from qimg.codecs.lossless.encoder import encode
from qimg.codecs.protocol import METADATA, Capabilities, Decoded, DecodeOptions, Encoded, EncodeOptions, Info
from qimg.core import Array, Track


@dataclass(frozen=True)
class LosslessCodec:
    """The lossless codec: local least squares under mixed contexts, for photographs."""

    id = ID
    name = "qimg lossless"
    about = "this package, the lossless codec"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset({"lossless", *METADATA}), alpha=True, sixteen_bit=True, lossless=True)
    curve = None
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
        """Encode a picture; see `qimg.codecs.lossless.encoder.encode`."""
        return encode(image, options, track=track)

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; see `qimg.codecs.lossless.decoder.decode`."""
        return decode(data, options)

    def info(self, data: bytes) -> Info:
        """Describe a file, which must be complete; raises `BitstreamError` if it is not a file of this codec."""
        stream = parse(data)
        header = stream.header
        return Info(
            codec=ID,
            width=header.width,
            height=header.height,
            channels=header.channels,
            bit_depth=header.bit_depth,
            parts=stream.parts,
            complete=True,
            **metadata_of(stream.chunks),
        )


CODEC = LosslessCodec()
