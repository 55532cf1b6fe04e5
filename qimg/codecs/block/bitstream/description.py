"""What a file says of itself, read without decoding it."""

from dataclasses import dataclass, field

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.decoder.decode import parameters_of
from qimg.codecs.block.layers.progressive import is_truncated


@dataclass(frozen=True, eq=False, kw_only=True)
class Info:
    """What a file says of itself."""

    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    bit_depth: int
    """Per channel, 8 or 16."""
    planes: int
    """Coded planes: 3, or 1 for gray and for RGB whose channels are equal."""
    mode: str
    """`sequential` or `progressive`."""
    step: float
    """Luma step in 8-bit code values."""
    chroma: tuple[float, float]
    """Steps of Cb and Cr in luma steps."""
    tables: str
    """First digits of the SHA-256 of the tables that the file needs."""
    parts: dict[str, int]
    """Bytes of `pixels`, `alpha`, `icc_profile`, `exif`, `xmp`, and of `structure`, all the rest."""
    bits_per_pixel: float
    """Of the whole file."""
    has_alpha: bool
    icc_profile: bytes | None = field(repr=False)
    exif: bytes | None = field(repr=False)
    """A TIFF structure, without the letters `Exif` before it."""
    xmp: bytes | None = field(repr=False)
    complete: bool
    """False where the file is cut."""
    truncated: bool
    """Whether `truncate` made it from a larger file: whole, but not all that was encoded."""


def info(data: bytes) -> Info:
    """What a file says of itself, cut files included; nothing is decoded.

    Raises:
        BitstreamError: something else, or altered.
    """
    stream = container.parse(data, partial_ok=True)
    header, parameters = stream.header, parameters_of(stream.header)
    tags = {"pixels": (container.STRIP, container.SEGMENT), "alpha": (container.ALPHA,)}
    tags |= {"icc_profile": (container.ICC_PROFILE,), "exif": (container.EXIF,), "xmp": (container.XMP,)}
    parts = {
        name: sum(len(chunk.payload) for tag in kinds for chunk in stream.all(tag)) for name, kinds in tags.items()
    }
    parts["structure"] = stream.size - sum(parts.values())
    return Info(
        width=header.width,
        height=header.height,
        channels=header.channels,
        bit_depth=header.bits,
        planes=header.planes,
        mode="progressive" if header.progressive else "sequential",
        step=parameters.step / 64,
        chroma=(parameters.chroma[0] / 64, parameters.chroma[1] / 64),
        tables=header.identity.hex(),
        parts=parts,
        bits_per_pixel=8 * stream.size / (header.width * header.height),
        has_alpha=header.has_alpha,
        icc_profile=stream.payload(container.ICC_PROFILE),
        exif=stream.payload(container.EXIF),
        xmp=stream.payload(container.XMP),
        complete=stream.complete,
        truncated=any(is_truncated(chunk.payload) for chunk in stream.all(container.SEGMENT)[:1]),
    )
