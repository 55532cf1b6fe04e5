"""The sketch codec as an object of the codec protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

from qimg.codecs.protocol import Capabilities, Decoded, DecodeOptions, EncodeOptions, Info
from qimg.codecs.sketch.bitstream import ID, parse
from qimg.codecs.sketch.decoder import decode, numbers_of
from qimg.codecs.sketch.encoder import SketchEncoded, encode
from qimg.core import Array, Track
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, kw_only=True)
class SketchInfo(Info):
    """Description of a file of the sketch codec."""

    ellipses: int
    """Ellipses that the bytes determine."""
    step: int
    """Number of the quantization step."""

    @property
    def details(self) -> Mapping[str, str]:
        """Ellipses and quantization step."""
        return {"ellipses": str(self.ellipses), "step": f"number {self.step}"}


@dataclass(frozen=True)
class SketchCodec:
    """The sketch codec: a coarse base and overlapping soft ellipses, for files of 100 to 400 bytes."""

    id = ID
    name = "sketch"
    about = "this package, the sketch codec"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset({"size", "effort"}))
    curve = None
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> SketchEncoded:
        """Encode a picture; see `qimg.codecs.sketch.encoder.encode`."""
        return encode(image, options, track=track)

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; see `qimg.codecs.sketch.decoder.decode`."""
        return decode(data, options)

    def info(self, data: bytes) -> SketchInfo:
        """Describe a file, which may be cut; raises `BitstreamError` if it is not a file of this codec."""
        stream = parse(data)
        header = stream.header
        _, ellipses = numbers_of(stream)
        return SketchInfo(
            codec=ID,
            width=header.width,
            height=header.height,
            channels=header.planes,
            bit_depth=8,
            parts={"pixels": len(stream.payload), "structure": len(data) - len(stream.payload)},
            ellipses=len(ellipses),
            step=header.step,
            complete=stream.complete,
        )


CODEC = SketchCodec()
