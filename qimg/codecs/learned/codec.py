"""The learned codec as an object of the codec protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

from qimg.codecs.envelope import metadata_of
from qimg.codecs.learned.bitstream import ID, parse
from qimg.codecs.learned.decoder import decode
from qimg.codecs.learned.design import OCTAVE
from qimg.codecs.learned.encoder import LearnedEncoded, encode
from qimg.codecs.protocol import METADATA, Capabilities, CurveSettings, Decoded, DecodeOptions, EncodeOptions, Info
from qimg.core import Array, Track
from qimg.core.records import short_repr

_OPTIONS = ("quality", "size", "bits_per_pixel", "psnr_db", "tables", *METADATA)


@short_repr
@dataclass(frozen=True, kw_only=True)
class LearnedInfo(Info):
    """Description of a file of the learned codec."""

    rate: int
    """Index of the rate; the quantization step doubles in 128."""
    model: str
    """Identity of the model, hexadecimal."""
    tiles: int
    """Tiles of 1024×1024 pixels."""

    @property
    def details(self) -> Mapping[str, str]:
        """Rate, model and tiles."""
        step = f"{4 * 2 ** (self.rate / OCTAVE):.1f}"
        return {"model": self.model, "rate": f"index {self.rate}, step {step}", "tiles": str(self.tiles)}


@dataclass(frozen=True)
class LearnedCodec:
    """The learned codec: a linear transform with overlapping functions, context models and restoration."""

    id = ID
    name = "learned"
    about = "this package, the learned codec"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset(_OPTIONS))
    curve = CurveSettings(option="quality", settings=(8, 17, 26, 35, 44, 53, 62, 71, 80, 90))
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> LearnedEncoded:
        """Encode a picture; see `qimg.codecs.learned.encoder.encode`."""
        return encode(image, options, track=track)

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; see `qimg.codecs.learned.decoder.decode`."""
        return decode(data, options)

    def info(self, data: bytes) -> LearnedInfo:
        """Describe a file, which must be complete; raises `BitstreamError` if it is not a file of this codec."""
        stream = parse(data)
        header = stream.header
        return LearnedInfo(
            codec=ID,
            width=header.width,
            height=header.height,
            channels=1 if header.gray else 3,
            bit_depth=8,
            parts=stream.parts,
            rate=header.rate,
            model=header.identity.hex(),
            tiles=header.tiles,
            complete=True,
            **metadata_of(stream.chunks),
        )


CODEC = LearnedCodec()
