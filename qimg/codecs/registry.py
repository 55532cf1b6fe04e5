"""The codecs by id; each is loaded when it is first asked for. A new codec is one new file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pkgutil import resolve_name
from typing import TypeVar

from qimg.codecs.envelope import LENGTH, NUMBER_AT, Reader
from qimg.codecs.errors import BitstreamError
from qimg.codecs.protocol import TARGETS, Capabilities, Codec, DecodeOptions, EncodeOptions, PackCodec, listed
from qimg.core import Array, one_of
from qimg.images import has_alpha

AUTO = "block"
"""The codec of `codec="auto"`."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the registry."""

    where: str
    """`package.module:NAME` of the codec."""
    number: int | None
    """In the envelope of its files; None where they are in a format of others."""


_ENTRIES: dict[str, Entry] = {}

AnyCodec = TypeVar("AnyCodec", bound=Codec | PackCodec)


def register(codec_id: str, where: str, *, number: int | None = None) -> None:
    """Add a codec.

    Args:
        codec_id: the id that its object has as well.
        where: `package.module:NAME` of an object with the attributes of `Codec` or of `PackCodec`; not imported yet.
        number: in the envelope, 1 to 255 and never used before; None where its files have no envelope of qimg's.

    Raises:
        ValueError: the id or the number is taken.
    """
    if codec_id in _ENTRIES:
        raise ValueError(f"codec_id must be new, but {codec_id} is registered already")
    for other, entry in _ENTRIES.items():
        if number is not None and number == entry.number:
            raise ValueError(f"number must be new, but {number} is that of codec {other}")
    _ENTRIES[codec_id] = Entry(where=where, number=number)


register("block", "qimg.codecs.block.codec:CODEC", number=1)
register("peer:jpeg", "qimg.codecs.peers.jpeg:CODEC")
register("peer:jpeg-optimised", "qimg.codecs.peers.jpeg:OPTIMISED")
register("peer:webp", "qimg.codecs.peers.webp:CODEC")
register("peer:jpeg2000", "qimg.codecs.peers.jpeg2000:CODEC")
register("peer:avif", "qimg.codecs.peers.avif:CODEC")
register("peer:avif-psnr", "qimg.codecs.peers.avif:TUNED_FOR_PSNR")
register("peer:jpegxl", "qimg.codecs.peers.jpegxl:CODEC")
register("peer:png", "qimg.codecs.peers.png:CODEC")


def ids() -> list[str]:
    """Ids of all codecs, in the order of registration."""
    return list(_ENTRIES)


def codec(codec_id: str) -> Codec:
    """The codec of an id; `auto` is that of `AUTO`.

    Raises:
        ValueError: no codec has it, or it is one for packs of pictures.
        ModuleNotFoundError: the codec needs a package that is not installed.
    """
    return _loaded(codec_id, Codec, "is a codec for packs of many pictures")  # type: ignore[type-abstract]


def pack_codec(codec_id: str) -> PackCodec:
    """The codec for packs of an id; errors as for `codec`."""
    return _loaded(codec_id, PackCodec, "is a codec for single pictures")  # type: ignore[type-abstract]


def _loaded(codec_id: str, kind: type[AnyCodec], what: str) -> AnyCodec:
    codec_id = AUTO if codec_id == "auto" else one_of("codec", codec_id, _ENTRIES)
    found = resolve_name(_ENTRIES[codec_id].where)
    if not isinstance(found, kind):
        raise ValueError(f"codec={codec_id!r} {what}")
    if isinstance(found, Codec) and not found.installed():
        raise ModuleNotFoundError(f"codec {codec_id} needs {found.needs}")
    return found


def id_of(data: bytes) -> str:
    """The id of the codec that wrote a file with an envelope.

    Raises:
        BitstreamError: something else, or of a codec that this qimg does not have.
    """
    number = Reader(data[:LENGTH]).envelope().number
    for codec_id, entry in _ENTRIES.items():
        if entry.number == number:
            return codec_id
    raise BitstreamError(f"the file needs codec {number}, which this qimg does not have", NUMBER_AT)


def codecs() -> list[Codec]:
    """All codecs for single pictures, installed or not."""
    loaded = (resolve_name(entry.where) for entry in _ENTRIES.values())
    return [found for found in loaded if isinstance(found, Codec)]


def check(codec: Codec, options: EncodeOptions | DecodeOptions, image: Array | None = None) -> None:
    """Refuse what a codec does not support, naming the codecs that do.

    Args:
        codec: of whose capabilities it is.
        options: to encode or to decode with.
        image: a picture to encode.

    Raises:
        ValueError: an option has no effect, no target is given, or the codec does not hold such pictures.
    """
    named = options.named if isinstance(options, EncodeOptions) else {"tables": options.tables}
    for name in (name for name, value in named.items() if value is not None):
        _require(codec, f"{name} has no effect with codec {codec.id}", partial(_takes, name))
    targets = [name for name in TARGETS if _takes(name, codec.capabilities)]
    if isinstance(options, EncodeOptions) and targets and not any(name in named for name in targets):
        few = f"one of {listed(targets)}" if len(targets) > 1 else targets[0]
        raise ValueError(f"{few} must be given, but given are none")
    if image is not None and image.itemsize == 2:
        _require(codec, f"codec {codec.id} holds 8 bits per channel, but image is uint16", lambda can: can.sixteen_bit)
    if image is not None and has_alpha(image):
        _require(codec, f"codec {codec.id} holds no alpha channel, but image has one", lambda can: can.alpha)


def _takes(option: str, can: Capabilities) -> bool:
    return option in can.options


def _require(codec: Codec, sentence: str, able: Callable[[Capabilities], bool]) -> None:
    if not able(codec.capabilities):
        names = [other.id for other in codecs() if able(other.capabilities)]
        raise ValueError(f"{sentence}; codecs that support it: {', '.join(names) or 'none'}")
