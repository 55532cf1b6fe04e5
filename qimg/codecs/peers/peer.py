"""Base class of the peers: a function writes the files, Pillow reads most of them."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import (
    METADATA,
    Capabilities,
    CurveSettings,
    Decoded,
    DecodeOptions,
    Encoded,
    EncodeOptions,
    Info,
)
from qimg.core import Array, Track, arguments
from qimg.core.records import short_repr
from qimg.images import Metadata, colours
from qimg.images.metadata import fitting, options_for

_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_EXIF = b"Exif\0\0"


def save(image: Array, form: str, **options: Any) -> bytes:
    """Write a picture in one of Pillow's formats; returns the file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, form, **options)
    return file.getvalue()


def metadata_in(options: EncodeOptions, suffix: str, image: Array) -> Metadata:
    """The metadata in encoder settings that a file of the format can hold beside the picture."""
    metadata = Metadata(icc_profile=options.icc_profile, exif=options.exif, xmp=options.xmp)
    return fitting(metadata, suffix, colours(image), f"the {suffix[1:]} file")


def metadata_options(options: EncodeOptions, suffix: str, image: Array) -> dict[str, Any]:
    """Pillow's options for writing this metadata."""
    return options_for(suffix, metadata_in(options, suffix, image))


def whole_quality(options: EncodeOptions, *, low: int = 1) -> int:
    """The quality as an integer, which these encoders need."""
    quality = options.quality if options.quality is not None else np.nan
    ok = low <= quality <= 100 and float(quality).is_integer()
    arguments.require(ok, "quality", f"must be a whole number in [{low}, 100]", options.quality)
    return int(quality)


@short_repr
@dataclass(frozen=True, kw_only=True)
class Peer:
    """A `qimg.codecs.protocol.Codec` of a standard format, without qimg's envelope."""

    id: str
    name: str
    about: str
    suffix: str
    form: str
    """Pillow's name of the format."""
    capabilities: Capabilities
    curve: CurveSettings | None = None
    write: Callable[[Array, EncodeOptions], bytes] = field(repr=False)
    """Writes a picture that `capabilities` allows; returns the file."""
    pixels: Callable[[Image.Image], Array] = field(repr=False, default=np.asarray)
    """Returns the pixels of a file that Pillow has opened."""
    opened: Callable[[], AbstractContextManager[Any]] = field(repr=False, default=nullcontext)
    """Context manager around the reading of a file."""
    needs: str = ""
    is_installed: Callable[[], bool] = field(repr=False, default=lambda: True)

    def installed(self) -> bool:
        """Whether the encoder is installed."""
        return self.is_installed()

    def encode(self, image: Array, options: EncodeOptions, *, track: Track = iter) -> Encoded:
        """Encode a picture in one step."""
        (data,) = (self.write(image, options) for _ in track(range(1)))
        return Encoded(data=data, bits_per_pixel=8 * len(data) / (image.shape[0] * image.shape[1]))

    def decode(self, data: bytes, options: DecodeOptions) -> Decoded:
        """Decode a file."""
        with self._picture(data) as picture:
            options.check_area(picture.height, picture.width)
            return Decoded(image=self.pixels(picture), **_metadata(picture))

    def info(self, data: bytes) -> Info:
        """Describe a file from its header."""
        with self._picture(data) as picture:
            return described(self.id, data, (picture.height, picture.width), _MODES[picture.mode], _metadata(picture))

    @contextmanager
    def _picture(self, data: bytes) -> Iterator[Image.Image]:
        with refused(self.name), self.opened(), Image.open(io.BytesIO(data), formats=[self.form]) as picture:
            if picture.mode not in _MODES:
                raise BitstreamError(
                    f"pixels must be gray or RGB of 8 bits, but are {picture.mode}; qimg.load reads more"
                )
            yield picture


@contextmanager
def refused(name: str) -> Iterator[None]:
    """Convert errors of a decoder into `BitstreamError`."""
    try:
        yield
    except BitstreamError:
        raise
    except Exception as error:  # decoders raise many kinds on broken files
        raise BitstreamError(f"cannot be read as {name} ({error})") from None


def described(codec: str, data: bytes, sides: tuple[int, int], channels: int, metadata: dict[str, Any]) -> Info:
    """Describe a file of 8 bits per channel; `sides` is (height, width)."""
    parts = {name: len(part) for name, part in metadata.items()}
    parts["pixels"] = max(len(data) - sum(parts.values()), 0)  # a compressed profile is shorter than the profile
    return Info(codec=codec, width=sides[1], height=sides[0], channels=channels, bit_depth=8, parts=parts, **metadata)


def _metadata(picture: Image.Image) -> dict[str, Any]:
    parts = {name: picture.info[name] for name in METADATA if picture.info.get(name)}
    return {name: part.removeprefix(_EXIF) if name == "exif" else part for name, part in parts.items()}
