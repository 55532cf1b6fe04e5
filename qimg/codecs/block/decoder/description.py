"""Description of a file without decoding it."""

from collections.abc import Mapping
from dataclasses import dataclass

from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.parameters import parameters_of
from qimg.codecs.block.decoder.progressive import is_truncated
from qimg.codecs.block.transform.colour_space import YCBCR, ColourSpace
from qimg.codecs.block.transform.geometry import SAMPLE_SCALE
from qimg.codecs.envelope import METADATA_TAGS, metadata_of
from qimg.codecs.protocol import Info
from qimg.core.records import short_repr


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class BlockInfo(Info):
    """The description of a file of this codec."""

    planes: int
    """Coded planes: 3, or 1 for gray and for RGB whose channels are equal."""
    mode: str
    """`sequential` or `progressive`; `lossless` before it if the pixels are coded without loss."""
    step: float
    """Luma step in 8-bit code values."""
    chroma: tuple[float, float]
    """Steps of Cb and Cr relative to the luma step."""
    matrix: tuple[tuple[float, ...], ...] | None
    """Rows R', G', B' of the colour matrix, from samples to colours; None in Y'CbCr."""
    hidden_signs: bool
    """Whether luma has hidden signs."""
    matching: bool
    """Whether blocks may be predicted from their matches."""
    tables: str
    """First digits of the SHA-256 of the tables that the file needs."""
    truncated: bool
    """Whether the file is a valid result of `truncate`, without a part of the encoded picture."""
    folded: bool
    """Whether the blocks hold a thin picture in pieces below each other."""
    flat_areas: bool
    """Whether flat areas are coded apart from the blocks."""
    local_steps: bool
    """Whether superblocks have steps of their own."""

    @property
    def details(self) -> Mapping[str, str]:
        """Mode, steps, colour matrix and tables, label → text."""
        remarks = {
            "truncated on purpose": self.truncated,
            "cut": not self.complete,
            "coded as gray": self.channels >= 3 and self.planes == 1,
            "folded": self.folded,
            "with flat areas": self.flat_areas,
            "with hidden signs": self.hidden_signs,
            "with matched blocks": self.matching,
            "with a map of steps": self.local_steps,
        }
        cb, cr = ("plane 2", "plane 3") if self.matrix else ("Cb", "Cr")
        rows = "; ".join(" ".join(f"{value:.2f}" for value in row) for row in self.matrix or ())
        return {
            "mode": ", ".join([self.mode, *(remark for remark, holds in remarks.items() if holds)]),
            "step": f"{self.step:g} code values; {cb} × {self.chroma[0]:g}, {cr} × {self.chroma[1]:g}",
            **({"colours": f"matrix {rows}"} if self.matrix else {}),
            "tables": self.tables,
        }


def describe(data: bytes) -> BlockInfo:
    """Describe a file, which may be cut.

    Raises:
        BitstreamError: the file is of another format or altered.
    """
    stream = container.parse(data, partial_ok=True)
    header, parameters = stream.header, parameters_of(stream.header)
    lossless = stream.all(container.LOSSLESS)
    pixels = (container.STRIP, container.SEGMENT, container.FLAT, container.LOSSLESS)
    tags = {"pixels": (*pixels, container.STEPS), "alpha": (container.ALPHA,)}
    tags |= {name: (tag,) for name, tag in METADATA_TAGS.items()}
    parts = {
        name: sum(len(chunk.payload) for tag in kinds for chunk in stream.all(tag)) for name, kinds in tags.items()
    }
    return BlockInfo(
        codec=container.ID,
        width=header.width,
        height=header.height,
        channels=header.channels,
        bit_depth=header.bits,
        planes=header.planes,
        mode="lossless " * bool(lossless) + ("progressive" if header.progressive else "sequential"),
        step=parameters.step / SAMPLE_SCALE,
        chroma=(parameters.chroma[0] / 64, parameters.chroma[1] / 64),
        matrix=None if parameters.space == YCBCR else _matrix(parameters.space),
        hidden_signs=parameters.hidden_signs,
        matching=parameters.matching,
        tables=header.identity.hex(),
        parts={**parts, "structure": stream.size - sum(parts.values())},
        complete=stream.complete,
        truncated=any(is_truncated(chunk.payload) for chunk in (lossless or stream.all(container.SEGMENT))[:1]),
        folded=header.folded and not lossless,
        flat_areas=bool(stream.all(container.FLAT)),
        local_steps=bool(stream.all(container.STEPS)),
        **metadata_of(stream.chunks),
    )


def _matrix(space: ColourSpace) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(entry / (1 << space.bits) for entry in row) for row in space.synthesis)
