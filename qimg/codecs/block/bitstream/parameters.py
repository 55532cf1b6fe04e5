"""Parameters of the samples, as stored in the header of a file: quantizer steps, colour space and tools."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qimg.codecs.block.transform import colour_space
from qimg.codecs.block.transform.colour_space import MATRIX_BYTES, YCBCR, ColourSpace
from qimg.codecs.envelope import Reader
from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.records import short_repr

if TYPE_CHECKING:
    from qimg.codecs.block.bitstream.container import Header

_STEPS = 4  # bytes of the steps, which are all parameters up to stream version 2
_MATRIX, _HIDDEN_SIGNS, _MATCHING = 1, 2, 8
_FLAGS = {3: _MATRIX | _HIDDEN_SIGNS, 4: _MATRIX | _HIDDEN_SIGNS | _MATCHING}
"""Flags by stream version."""


@short_repr
@dataclass(frozen=True)
class Parameters:
    """Parameters of the samples, which a decoder needs in addition to the tables and the size of the picture."""

    step: int
    """Luma step in 1/64 of a code value, 16 to 65535: 0.25 to 1024 code values."""
    chroma: tuple[int, int] = (48, 48)
    """Steps of Cb and Cr, or of the second and third plane, in 1/64 of the luma step."""
    space: ColourSpace = YCBCR
    """Colour space of three planes."""
    hidden_signs: bool = False
    """Whether luma has hidden signs (`qimg.codecs.block.model.hidden_signs`)."""
    matching: bool = False
    """Whether blocks may be predicted from their matches (`qimg.codecs.block.transform.matching`)."""

    def __post_init__(self) -> None:
        arguments.integer("step", self.step, 16, 65535)
        for ratio in self.chroma:
            arguments.integer("chroma", ratio, 16, 255)

    @property
    def steps(self) -> tuple[int, int, int]:
        """Steps of the three planes."""
        return (self.step, *((self.step * ratio + 32) // 64 for ratio in self.chroma))  # type: ignore[return-value]

    @property
    def version(self) -> int:
        """Least stream version: 4 with matching, 3 with a matrix or hidden signs."""
        if self.matching:
            return 4
        return 3 if self.hidden_signs or self.space != YCBCR else 1

    def to_bytes(self, version: int = 1) -> bytes:
        """Four bytes: step, little-endian, and the two ratios; from version 3 also a byte of flags and the matrix."""
        arguments.integer("version", version, self.version, max(_FLAGS))
        steps = self.step.to_bytes(2, "little") + bytes(self.chroma)
        if version < 3:
            return steps
        matrix = b"" if self.space == YCBCR else self.space.to_bytes()
        flags = _MATRIX * bool(matrix) | _HIDDEN_SIGNS * self.hidden_signs | _MATCHING * self.matching
        return steps + bytes([flags]) + matrix

    @classmethod
    def from_bytes(cls, content: bytes) -> "Parameters":
        """Parameters from the bytes of `to_bytes`; raises ValueError if a value is out of range."""
        flags = content[_STEPS] if len(content) > _STEPS else 0
        return cls(
            int.from_bytes(content[:2], "little"),
            (content[2], content[3]),
            space=colour_space.eigenbasis(content[_STEPS + 1 :]) if flags & _MATRIX else YCBCR,
            hidden_signs=bool(flags & _HIDDEN_SIGNS),
            matching=bool(flags & _MATCHING),
        )


def read_parameters(reader: Reader, version: int, *, progressive: bool) -> bytes:
    """Read the bytes of the parameters of a stream version; raises `BitstreamError` if it has no such flags.

    Progressive files have no matching, since layers predict blocks by their classes.
    """
    content = reader.take(_STEPS, "the parameters")
    if version < 3:
        return content
    flags = reader.take(1, "the flags of the parameters")
    allowed = _FLAGS[version] & ~(_MATCHING if progressive else 0)
    if flags[0] & ~allowed:
        rule = f"the flags of the parameters may have the bits {allowed:#04x} only, but are {flags[0]:#04x}"
        raise BitstreamError(rule, reader.offset - 1)
    return content + flags + reader.take(MATRIX_BYTES if flags[0] & _MATRIX else 0, "the colour matrix")


def parameters_of(header: "Header") -> Parameters:
    """Parameters in a header; raises `BitstreamError` if one is out of range."""
    try:
        return Parameters.from_bytes(header.parameters)
    except ValueError as error:
        raise BitstreamError(str(error), header.parameters_at) from None
