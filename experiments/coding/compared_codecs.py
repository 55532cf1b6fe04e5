"""The codecs compared by experiments: selection from the registry, files and pixels at the settings of their curves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from experiments._run import timed
from qimg import images
from qimg.codecs import registry
from qimg.codecs.protocol import Codec, CurveSettings, DecodeOptions, EncodeOptions
from qimg.core import ArgumentError, Array, one_of
from qimg.core.import_names import module_hashes
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
    """The codecs with these ids or import names (`module:object`); without any, the installed ones of `IDS`.

    Raises:
        ValueError: an id is unknown, or its codec is not installed or has no curve; or an object is no codec, or has
            the name of another one.
    """
    by_id = {codec.id: codec for codec in registry.codecs() if codec.curve}
    if not ids:
        return [by_id[name] for name in IDS if by_id[name].installed()]
    named = dict.fromkeys(ids)
    selected = [_imported(name) if registry.is_import_name(name) else _of_id(name, by_id) for name in named]
    names = [codec.name for codec in selected]
    for name, own in zip(named, selected, strict=True):
        taken = {other.name for other in registry.codecs() if other.id != own.id}
        if names.count(own.name) > 1 or (registry.is_import_name(name) and own.name in taken):
            raise ValueError(f"{name}: its name must be new, but {own.name!r} is that of another codec")
    return selected


def _of_id(name: str, by_id: Mapping[str, Codec]) -> Codec:
    codec = by_id[one_of("codecs", name, by_id)]
    if not codec.installed():
        raise ArgumentError(f"{{0}} names {codec.id}, which needs {codec.needs}", "codecs")
    return codec


def _imported(name: str) -> Codec:
    codec = registry.imported(name)
    curve = codec.curve
    if not isinstance(curve, CurveSettings) or not curve.settings:
        raise ValueError(f"{name}: curve must be CurveSettings with at least one setting, but is {curve!r}")
    return codec


def modules_of(ids: Sequence[str]) -> dict[str, str]:
    """SHA-256 of the file of each imported codec's module, by the name of the codec."""
    return module_hashes(name for name in ids if registry.is_import_name(name))


def about(name: str) -> str:
    """Program and settings of the codec of a name in tables; a dash for one of which only rows exist."""
    return next((codec.about for codec in registry.codecs() if codec.name == name), "–")


def curve_of(codec: Codec) -> CurveSettings:
    """The curve of settings of a codec that has one."""
    assert codec.curve is not None
    return codec.curve


def encoded(codec: Codec, image: Array, setting: float) -> bytes:
    """The file of a `uint8` picture (H, W) or (H, W, 3) at a setting of the codec's curve."""
    options = EncodeOptions(**curve_of(codec).at(setting))
    registry.check(codec, options, image)
    return codec.encode(image, options).data


def decoded(codec: Codec, data: bytes) -> Array:
    """The pixels of a file, `uint8`; a codec without a gray mode returns RGB."""
    return codec.decode(data, DecodeOptions()).image


@dataclass(frozen=True, eq=False, kw_only=True)
class RoundTrip:
    """A picture that was encoded and decoded."""

    data: bytes
    output: Array
    """`uint8`, of the shape of the picture."""
    encode_seconds: float
    decode_seconds: float


def round_trip(codec: Codec, image: Array, setting: float, *, name: str) -> RoundTrip:
    """Encode and decode a picture, and check what a codec must fulfil to be compared.

    Args:
        codec: a codec with a curve.
        image: `uint8`, (H, W) or (H, W, 3).
        setting: of the curve.
        name: of the picture, for errors.

    Raises:
        ValueError: the codec modifies the picture, or does not return a file and a picture of its shape and type.
    """
    before = image.copy()
    where = f"codec {codec.name}, setting {setting:g}, picture {name}"
    try:
        data, encode_seconds = timed(encoded, codec, image, setting)
        if not isinstance(data, bytes) or not data:
            kind = "an empty one" if data == b"" else type(data).__name__
            raise ValueError(f"must encode to a file, which is bytes, but returned {kind}")
        if not np.array_equal(before, image):
            raise ValueError("must not modify the picture that it encodes")
        output, decode_seconds = timed(decoded, codec, data)
        output = as_source(image, _picture(output))
        if output.shape != image.shape:
            raise ValueError(f"must decode to the shape {image.shape} of the picture, but returned {output.shape}")
    except (ValueError, OSError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error
    except Exception as error:  # a defect of the codec, which its traceback explains
        error.add_note(where)
        raise
    return RoundTrip(data=data, output=output, encode_seconds=encode_seconds, decode_seconds=decode_seconds)


@cache
def warm_up(codec_id: str, dimensions: int) -> None:
    """Code a small picture once, so that the times in the rows exclude loading and compilation on first use."""
    codec = registry.codec(codec_id)
    small = np.random.default_rng(0).integers(0, 256, (64, 64, 3)[:dimensions], np.uint8)
    round_trip(codec, small, curve_of(codec).settings[0], name="of noise, 64×64")


def _picture(output: Any) -> Array:
    if not isinstance(output, np.ndarray) or output.dtype != np.uint8:
        kind = f"dtype {output.dtype}" if isinstance(output, np.ndarray) else type(output).__name__
        raise ValueError(f"must decode to an array of uint8, but returned {kind}")
    return output


def is_installed(codec_id: str) -> bool:
    """Whether a codec for single pictures can be used here."""
    return any(codec.id == codec_id and codec.installed() for codec in registry.codecs())


def lossless_jpegxl(image: Array, *, effort: int) -> bytes:
    """A file of JPEG XL without loss, 1 (fast) to 9."""
    from imagecodecs import jpegxl_encode

    return bytes(jpegxl_encode(image, lossless=True, effort=effort, numthreads=1))


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
