"""The codecs compared by experiments: selection from the registry, files and pixels at the settings of their curves."""

from collections.abc import Collection, Sequence

from qimg import codecs, images
from qimg.codecs import registry
from qimg.codecs.protocol import Codec, CurveSettings
from qimg.core import Array, one_of
from qimg.evaluation.rate_curves import Comparison
from qimg.report import format_cell

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
"""The codecs compared by default, in the order of the tables."""


def chosen(ids: Sequence[str]) -> list[Codec]:
    """The codecs with these ids; without ids, the installed ones of `IDS`.

    Raises:
        ValueError: an id is unknown, or its codec is not installed or has no curve.
    """
    by_id = {codec.id: codec for codec in registry.codecs() if codec.curve}
    if not ids:
        return [by_id[name] for name in IDS if by_id[name].installed()]
    selected = [by_id[one_of("codecs", name, by_id)] for name in dict.fromkeys(ids)]
    for codec in selected:
        if not codec.installed():
            raise ValueError(f"codecs names {codec.id}, which needs {codec.needs}")
    return selected


def curve_of(codec: Codec) -> CurveSettings:
    """The curve of settings of a codec that has one."""
    assert codec.curve is not None
    return codec.curve


def encoded(codec: Codec, image: Array, setting: float) -> bytes:
    """The file of a `uint8` picture (H, W) or (H, W, 3) at a setting of the codec's curve."""
    return codecs.encode(image, codec=codec.id, **curve_of(codec).at(setting))


def decoded(codec: Codec, data: bytes) -> Array:
    """The pixels of a file, `uint8`; a codec without a gray mode returns RGB."""
    return codecs.decode(data, codec=codec.id)


def as_source(image: Array, output: Array) -> Array:
    """A decoded picture in the shape of the encoded one: rounded luma if a gray picture was decoded to RGB."""
    return images.to_uint8(images.luma(output)) if image.ndim == 2 and output.ndim == 3 else output


def interval(result: Comparison, draws: int) -> str:
    """The 5 to 95 % interval over the resamples, with the number of comparable resamples if some were not."""
    if not result.resamples:
        return "–"
    left_out = "" if result.resamples == draws else f", {result.resamples} of {draws} resamples"
    low, high = (format_cell(end, "+.1f") for end in (result.low, result.high))
    return f"[{low}, {high}{left_out}]"


def not_measured(names: Collection[str]) -> list[str]:
    """A sentence on the codecs of `IDS` whose names are not among the measured ones, and their requirements."""
    left_out = [codec for codec in registry.codecs() if codec.id in IDS and codec.name not in names]
    missing = [codec.name + (f" (needs {codec.needs})" if codec.needs else "") for codec in left_out]
    return [f"Not measured: {', '.join(missing)}."] if missing else []
