"""Steps of the quantizers, as stored in the header of a file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qimg.codecs.errors import BitstreamError
from qimg.core import arguments
from qimg.core.records import short_repr

if TYPE_CHECKING:
    from qimg.codecs.block.bitstream.container import Header


@short_repr
@dataclass(frozen=True)
class Parameters:
    """Steps of the quantizers, which a decoder needs in addition to the tables and the size of the picture."""

    step: int
    """Luma step in 1/64 of a code value, 16 to 65535: 0.25 to 1024 code values."""
    chroma: tuple[int, int] = (48, 48)
    """Steps of Cb and Cr in 1/64 of the luma step."""

    def __post_init__(self) -> None:
        arguments.integer("step", self.step, 16, 65535)
        for ratio in self.chroma:
            arguments.integer("chroma", ratio, 16, 255)

    @property
    def steps(self) -> tuple[int, int, int]:
        """Steps of Y', Cb and Cr."""
        return (self.step, *((self.step * ratio + 32) // 64 for ratio in self.chroma))  # type: ignore[return-value]

    def to_bytes(self) -> bytes:
        """Four bytes: step, little-endian, and the two ratios."""
        return self.step.to_bytes(2, "little") + bytes(self.chroma)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Parameters":
        """Parameters from the bytes of `to_bytes`; raises ValueError if a value is out of range."""
        return cls(int.from_bytes(content[:2], "little"), (content[2], content[3]))


def parameters_of(header: "Header") -> Parameters:
    """Steps in a header; raises `BitstreamError` if one is out of range."""
    try:
        return Parameters.from_bytes(header.parameters)
    except ValueError as error:
        raise BitstreamError(str(error), header.parameters_at) from None
