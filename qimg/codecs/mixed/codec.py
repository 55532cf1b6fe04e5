"""The mixed codec as an object of the codec protocol."""

from collections.abc import Mapping
from dataclasses import dataclass

from qimg.codecs.envelope import metadata_of
from qimg.codecs.mixed.attempts import MixedEncoded
from qimg.codecs.mixed.bitstream import ID, parse
from qimg.codecs.mixed.decoder import decode, map_of
from qimg.codecs.mixed.encoder import encode
from qimg.codecs.protocol import METADATA, Capabilities, Decoded, DecodeOptions, EncodeOptions, Info
from qimg.core import Array, Track
from qimg.core.records import short_repr

_OPTIONS = ("quality", "size", "bits_per_pixel", "psnr_db", *METADATA)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class MixedInfo(Info):
    """Description of a file of the mixed codec."""

    tiles: int
    """Tiles of the picture."""
    block_tiles: int
    """Tiles that the block codec codes; the contour codec codes the others."""

    @property
    def details(self) -> Mapping[str, str]:
        """Tiles of both codecs."""
        return {"tiles": f"{self.block_tiles} block, {self.tiles - self.block_tiles} contour"}


@dataclass(frozen=True)
class MixedCodec:
    """The mixed codec: tiles of the block and of the contour codec."""

    id = ID
    name = "mixed"
    about = "this package, block and contour codec by tiles"
    suffix = ".qimg"
    capabilities = Capabilities(options=frozenset(_OPTIONS), alpha=True)
    curve = None
    needs = ""

    def installed(self) -> bool:
        """Always True."""
        return True

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> MixedEncoded:
        """Encode a picture; see `qimg.codecs.mixed.encoder.encode`."""
        return encode(image, options, track=track)

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file; see `qimg.codecs.mixed.decoder.decode`."""
        return decode(data, options)

    def info(self, data: bytes) -> MixedInfo:
        """Describe a file, which must be complete; raises `BitstreamError` if it is not a file of this codec."""
        stream = parse(data)
        header, tiles = stream.header, map_of(stream)
        return MixedInfo(
            codec=ID,
            width=header.width,
            height=header.height,
            channels=header.channels,
            bit_depth=8,
            parts=stream.parts,
            tiles=tiles.size,
            block_tiles=int(tiles.sum()),
            complete=True,
            **metadata_of(stream.chunks),
        )


CODEC = MixedCodec()
