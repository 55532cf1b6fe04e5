"""The channels of a picture that a file stores: alpha that is opaque, and equal colours, are left out."""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from qimg.codecs.envelope import FLAGS_AT
from qimg.codecs.errors import BitstreamError
from qimg.core import Array, arguments
from qimg.core.records import short_repr

LARGEST_SIDE = 1 << 20
MOST_FLAGS = 15
"""Largest flags of channels."""
_COLOUR, _ALPHA, _OPAQUE, _ONE_PLANE = 1, 2, 4, 8

H = TypeVar("H", bound="PictureHeader")


@short_repr
@dataclass(frozen=True, kw_only=True)
class PictureHeader:
    """Sides and channels in the header of a file."""

    ORDER: ClassVar[tuple[int, int, int]] = (0, 1, 2)
    """Red, green and blue in the order in which they are stored."""
    width: int
    height: int
    channels: int
    """1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha."""
    opaque: bool = False
    """Whether alpha has the largest value everywhere, and is not stored."""
    one_plane: bool = False
    """Whether red, green and blue are equal, and stored once."""

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            arguments.integer(name, side, 1, LARGEST_SIDE)

    @classmethod
    def of(cls: type[H], image: Array) -> H:
        """The header of a picture, (H, W) or (H, W, channels)."""
        planes = image.reshape(*image.shape[:2], -1)
        channels = planes.shape[2]
        return cls(
            width=image.shape[1],
            height=image.shape[0],
            channels=channels,
            opaque=channels in (2, 4) and bool((planes[..., -1] == np.iinfo(planes.dtype).max).all()),
            one_plane=channels >= 3 and bool((planes[..., :1] == planes[..., 1:3]).all()),
        )

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def stored_colours(self) -> list[int]:
        """The channels of the picture without alpha that are stored, in the order of the planes."""
        return list(self.ORDER) if self.channels >= 3 and not self.one_plane else [0]

    @property
    def stored(self) -> list[int]:
        """The channels of the picture that are stored, in the order of the planes."""
        return [*self.stored_colours, *[self.channels - 1] * (self.has_alpha and not self.opaque)]

    @property
    def flags(self) -> int:
        """Flags of the channels in the envelope, below 16."""
        return (
            _COLOUR * (self.channels >= 3)
            | _ALPHA * self.has_alpha
            | _OPAQUE * self.opaque
            | _ONE_PLANE * self.one_plane
        )


def channels_of(flags: int) -> dict[str, Any]:
    """The fields of a `PictureHeader` that flags state; raises `BitstreamError` where they contradict each other."""
    for flag, other in ((_OPAQUE, _ALPHA), (_ONE_PLANE, _COLOUR)):
        if flags & flag and not flags & other:
            rule = f"flag {flag} must be combined with flag {other}, but the flags are {flags:#04x}"
            raise BitstreamError(rule, FLAGS_AT)
    return {
        "channels": (3 if flags & _COLOUR else 1) + bool(flags & _ALPHA),
        "opaque": bool(flags & _OPAQUE),
        "one_plane": bool(flags & _ONE_PLANE),
    }
