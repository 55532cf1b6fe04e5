"""The contour codec as an object of the codec protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

from qimg.codecs.contour.bitstream import ID, parse
from qimg.codecs.contour.decoder import decode
from qimg.codecs.contour.encoder import ContourEncoded, encode
from qimg.codecs.contour.tuning import encode_tuned
from qimg.codecs.envelope import metadata_of
from qimg.codecs.protocol import (
    METADATA,
    TANGENT,
    Capabilities,
    Decoded,
    DecodeOptions,
    EncodeOptions,
    Info,
)
from qimg.core import Array, Track
from qimg.core.records import short_repr

_OPTIONS = (
    *("quality", "size", "bits_per_pixel", "psnr_db", "lossless", "max_error", "progressive", "tune"),
    *METADATA,
)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class ContourInfo(Info):
    """Description of a file of the contour codec."""

    colours: int
    """Number of colours; 0 if they are not numbered."""
    filled: bool
    """Whether areas have fills."""
    layers: int
    """Number of layers of a progressive file; 0 for other files."""
    whole_layers: int
    """Complete layers that are there."""
    truncated: bool
    """Whether the file is a valid result of `truncate`, without a part of the encoded picture."""

    @property
    def details(self) -> Mapping[str, str]:
        """Colours, whether areas have fills, and layers of a progressive file, label → text."""
        remark = "" if self.complete else ", cut"
        remark = ", truncated on purpose" if self.truncated else remark
        return {
            "colours": str(self.colours) if self.colours else "coded by channel",
            **({"areas": "with planes and harmonics"} if self.filled else {}),
            **({"layers": f"{self.whole_layers} of {self.layers}{remark}"} if self.layers else {}),
        }


@dataclass(frozen=True)
class ContourCodec:
    """The contour codec: edges between areas in mixed adaptive contexts."""

    id = ID
    name = "contour"
    about = "this package, the contour codec"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset(_OPTIONS), alpha=True)
    curve = None
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> ContourEncoded:
        """Encode a picture; see `qimg.codecs.contour.encoder.encode`, and `tuning` beside it."""
        return (encode_tuned if options.tune == TANGENT else encode)(image, options, track=track)

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; see `qimg.codecs.contour.decoder.decode`."""
        return decode(data, options)

    def info(self, data: bytes) -> ContourInfo:
        """Describe a file; raises `BitstreamError` if it is not a file of this codec, or cut and not progressive."""
        stream = parse(data, partial_ok=True)
        header = stream.header
        return ContourInfo(
            codec=ID,
            width=header.width,
            height=header.height,
            channels=header.channels,
            bit_depth=8,
            parts=stream.parts,
            colours=header.colours,
            filled=header.filled,
            layers=header.layers,
            whole_layers=len(stream.layers) if header.layers else 0,
            truncated=stream.truncated,
            complete=stream.complete,
            **metadata_of(stream.chunks),
        )


CODEC = ContourCodec()
