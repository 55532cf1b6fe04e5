"""The codecs that experiments compare, from the registry, and what they need of them."""

from collections.abc import Collection, Sequence

from qimg import codecs, images
from qimg.codecs import registry
from qimg.codecs.protocol import Codec, CurveSettings
from qimg.core import Array, one_of

IDS = (
    "block",
    "peer:avif-psnr",
    "peer:avif",
    "peer:jpeg2000",
    "peer:webp",
    "peer:jpegxl",
    "peer:jpeg-optimised",
    "peer:jpeg",
)
"""Those that are compared where none is named, in the order in which tables name them."""


def chosen(ids: Sequence[str]) -> list[Codec]:
    """The codecs of these ids, or of `IDS` those that are installed where none is given.

    Raises:
        ValueError: an id is unknown, or its codec is not installed or has no curve.
    """
    known = {codec.id: codec for codec in registry.codecs() if codec.curve}
    if not ids:
        return [known[name] for name in IDS if known[name].installed()]
    found = [known[one_of("codecs", name, known)] for name in dict.fromkeys(ids)]
    for codec in found:
        if not codec.installed():
            raise ValueError(f"codecs names {codec.id}, which needs {codec.needs}")
    return found


def curve_of(codec: Codec) -> CurveSettings:
    """The settings of a codec that has some."""
    assert codec.curve is not None
    return codec.curve


def encoded(codec: Codec, image: Array, setting: float) -> bytes:
    """The file of a `uint8` picture (H, W) or (H, W, 3) at a setting of the codec's curve."""
    return codecs.encode(image, codec=codec.id, **curve_of(codec).at(setting))


def decoded(codec: Codec, data: bytes) -> Array:
    """The pixels of a file, `uint8`; a codec without a gray mode gives RGB."""
    return codecs.decode(data, codec=codec.id)


def as_source(image: Array, shown: Array) -> Array:
    """A decoded picture in the shape of the one encoded: luma, rounded, where gray came back as RGB."""
    return images.to_uint8(images.luma(shown)) if image.ndim == 2 and shown.ndim == 3 else shown


def not_measured(names: Collection[str]) -> list[str]:
    """A sentence on the codecs of `IDS` whose names are not among those measured, and what they need."""
    left_out = [codec for codec in registry.codecs() if codec.id in IDS and codec.name not in names]
    missing = [codec.name + (f" (needs {codec.needs})" if codec.needs else "") for codec in left_out]
    return [f"Not measured: {', '.join(missing)}."] if missing else []
