"""Registry of codecs by id; each codec is imported on first use. A new codec is one new file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pkgutil import resolve_name

from qimg.codecs.envelope import LENGTH, Reader
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import TARGETS, Capabilities, Codec, DecodeOptions, EncodeOptions, PackCodec, one_target
from qimg.core import ArgumentError, Array, import_names, one_of
from qimg.core.records import short_repr
from qimg.images import has_alpha

AUTO = "block"
"""Id of the codec whose options and pictures `codec="auto"` supports with loss, and that it selects for photographs."""

AUTO_GRAPHICS = "contour"
"""Id of the codec that `codec="auto"` selects for graphics."""

AUTO_LOSSLESS = "lossless"
"""Id of the codec whose options and pictures `codec="auto"` supports without loss, and that it selects for photographs
then."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of the registry."""

    where: str
    """`package.module:NAME` of the codec."""
    number: int | None
    """Number in the envelope of the codec's files; None for formats without an envelope."""


_ENTRIES: dict[str, Entry] = {}

_MEMBERS = sorted(name for name in vars(Codec) if name[0] != "_")


def register(codec_id: str, where: str, *, number: int | None = None) -> None:
    """Add a codec.

    Args:
        codec_id: id, equal to the `id` of the codec.
        where: `package.module:NAME` of an object with the attributes of `Codec` or `PackCodec`; imported on first use.
        number: number in the envelope, 1 to 255 and never used before; None if the files have no envelope.

    Raises:
        ValueError: the id or the number is taken.
    """
    if codec_id in _ENTRIES:
        raise ValueError(f"codec_id must be new, but {codec_id} is already registered")
    for other, entry in _ENTRIES.items():
        if number is not None and number == entry.number:
            raise ValueError(f"number must be new, but {number} belongs to codec {other}")
    _ENTRIES[codec_id] = Entry(where=where, number=number)


register("block", "qimg.codecs.block.codec:CODEC", number=1)
register("mnist-autoencoder", "qimg.codecs.digits.latent_codec:AUTOENCODER", number=4)
register("mnist-klt", "qimg.codecs.digits.latent_codec:KLT", number=5)
register("mnist-raster", "qimg.codecs.digits.raster_codec:RASTER", number=6)
register("mnist-contours", "qimg.codecs.digits.contours.codec:CONTOURS", number=9)
register("learned", "qimg.codecs.learned.codec:CODEC", number=2)
register("contour", "qimg.codecs.contour.codec:CODEC", number=7)
register("mixed", "qimg.codecs.mixed.codec:CODEC", number=8)
register("sketch", "qimg.codecs.sketch.codec:CODEC", number=3)
register("lossless", "qimg.codecs.lossless.codec:CODEC", number=10)
register("jpeg-recompression", "qimg.codecs.jpeg_recompression.codec:CODEC", number=11)
register("peer:jpeg", "qimg.codecs.peers.jpeg:CODEC")
register("peer:jpeg-optimised", "qimg.codecs.peers.jpeg:OPTIMISED")
register("peer:webp", "qimg.codecs.peers.webp:CODEC")
register("peer:jpeg2000", "qimg.codecs.peers.jpeg2000:CODEC")
register("peer:avif", "qimg.codecs.peers.avif:CODEC")
register("peer:avif-psnr", "qimg.codecs.peers.avif:TUNED_FOR_PSNR")
register("peer:jpegxl", "qimg.codecs.peers.jpegxl:CODEC")
register("peer:png", "qimg.codecs.peers.png:CODEC")


def ids() -> list[str]:
    """Ids of all codecs in order of registration."""
    return list(_ENTRIES)


def codec(codec_id: str) -> Codec:
    """The codec with an id; `auto` selects `AUTO`, and `module:object` imports a codec of yours.

    Raises:
        ValueError: the id is unknown, or belongs to a codec for packs; or the object is no codec.
        ModuleNotFoundError: the codec needs a package that is not installed.
    """
    if is_import_name(codec_id):
        return imported(codec_id)
    loaded = named(codec_id)
    if not isinstance(loaded, Codec):
        raise ValueError(f"codec={codec_id!r} is a codec for packs of many pictures")
    if not loaded.installed():
        raise ModuleNotFoundError(f"codec {codec_id} needs {loaded.needs}")
    return loaded


def codec_for(codec_id: str, options: EncodeOptions) -> Codec:
    """The codec whose capabilities count with these options.

    For `auto` it is `AUTO`, without loss `AUTO_LOSSLESS`, with `max_error` `AUTO_GRAPHICS`.
    """
    if codec_id == "auto" and options.max_error is not None:
        return codec(AUTO_GRAPHICS)
    return codec(AUTO_LOSSLESS if codec_id == "auto" and options.lossless else codec_id)


def pack_codec(codec_id: str) -> PackCodec:
    """The codec for packs with an id; errors as for `codec`."""
    loaded = named(codec_id)
    if isinstance(loaded, Codec):
        raise ValueError(f"codec={codec_id!r} is a codec for single pictures")
    return loaded


def named(codec_id: str) -> Codec | PackCodec:
    """The object of an id, a codec for single pictures or for packs; `auto` selects `AUTO`; errors as for `codec`."""
    where = _ENTRIES[AUTO if codec_id == "auto" else one_of("codec", codec_id, _ENTRIES)].where
    loaded: Codec | PackCodec = resolve_name(where)
    return loaded


def is_import_name(name: str) -> bool:
    """Whether a name is that of an object to import, `module:object`, and no id."""
    return not name.startswith("peer:") and name not in _ENTRIES and import_names.is_import_name(name)


def imported(name: str) -> Codec:
    """The codec that a module of yours holds, `module:object`; modules of the working folder are found as well.

    The codec is registered under its `id` for this process.

    Raises:
        ValueError: the module cannot be imported, or the object is no codec or has the id of another one.
    """
    loaded = import_names.imported_object(name)
    missing = [member for member in _MEMBERS if not hasattr(loaded, member)]
    if isinstance(loaded, type):
        raise ValueError(f"{name}: must be a codec, but is a class; name an object of it")
    if missing:
        what = "must have the attributes of qimg.codecs.protocol.Codec"
        raise ValueError(f"{name}: {what}, but {type(loaded).__name__} has no {', '.join(missing)}")
    codec: Codec = loaded
    if not isinstance(codec.capabilities, Capabilities):
        raise ValueError(f"{name}: capabilities must be Capabilities, but are {type(codec.capabilities).__name__}")
    if not codec.installed():
        raise ModuleNotFoundError(f"codec {name} needs {codec.needs}")
    entry = _ENTRIES.setdefault(codec.id, Entry(where=name, number=None))
    if entry.where != name:
        raise ValueError(f"{name}: its id must be new, but {codec.id!r} is that of {entry.where}")
    return codec


def name_of(codec: Codec) -> str:
    """The name under which another process finds a codec: its id, or the name that it was imported by."""
    entry = _ENTRIES[codec.id]
    return codec.id if entry.where.startswith("qimg.") else entry.where


def id_of(data: bytes) -> str:
    """The id of the codec that wrote a file with an envelope.

    Raises:
        BitstreamError: the file has no envelope, or its codec is not in this version of qimg.
    """
    reader = Reader(data[:LENGTH])
    number = reader.envelope().number
    for codec_id, entry in _ENTRIES.items():
        if entry.number == number:
            return codec_id
    raise BitstreamError(f"the file needs codec {number}, which this version of qimg does not have", reader.offset - 2)


def codecs() -> list[Codec]:
    """All codecs for single pictures, installed or not."""
    loaded = (resolve_name(entry.where) for entry in _ENTRIES.values())
    return [one for one in loaded if isinstance(one, Codec)]


def check(codec: Codec, options: EncodeOptions | DecodeOptions, image: Array | None = None) -> None:
    """Check that a codec supports the options and the picture; the error names the codecs that do.

    Args:
        codec: codec whose capabilities count.
        options: encoder or decoder settings.
        image: picture to encode.

    Raises:
        ValueError: an option has no effect, no target is set, or the codec does not support this kind of picture.
    """
    named = options.named if isinstance(options, EncodeOptions) else {"tables": options.tables}
    for name in (name for name, value in named.items() if value is not None):
        _require(codec, f"{{0}} has no effect with codec {codec.id}", partial(_takes, name), name)
    targets = [name for name in TARGETS if _takes(name, codec.capabilities)]
    needed = isinstance(options, EncodeOptions) and not codec.capabilities.lossless
    if needed and targets and not any(name in named for name in targets):
        if len(targets) > 1:
            raise one_target(targets)
        raise ArgumentError(f"{{0}} must be set, but {{0}}={getattr(options, targets[0])}", targets[0])
    if image is not None and image.itemsize == 2:
        message = f"codec {codec.id} supports 8 bits per channel, but image is uint16"
        _require(codec, message, lambda can: can.sixteen_bit)
    if image is not None and has_alpha(image):
        _require(codec, f"codec {codec.id} supports no alpha channel, but image has one", lambda can: can.alpha)


def _takes(option: str, can: Capabilities) -> bool:
    return option in can.options


def _require(codec: Codec, message: str, supports: Callable[[Capabilities], bool], *names: str) -> None:
    if not supports(codec.capabilities):
        others = [other.id for other in codecs() if supports(other.capabilities)]
        raise ArgumentError(f"{message}; codecs that support it: {', '.join(others) or 'none'}", *names)
