"""WebP by Pillow (libwebp), with the slowest method."""

from PIL import features

from qimg.codecs.peers.peer import Peer, metadata_options, save, whole_quality
from qimg.codecs.protocol import METADATA, Capabilities, CurveSettings, EncodeOptions
from qimg.core import Array


def _write(image: Array, options: EncodeOptions) -> bytes:
    quality = whole_quality(options, low=0)
    return save(image, "WEBP", quality=quality, method=6, **metadata_options(options, ".webp", image))


CODEC = Peer(
    id="peer:webp",
    name="WebP",
    about="libwebp by Pillow, method 6",
    suffix=".webp",
    form="WEBP",
    capabilities=Capabilities(options=frozenset({"quality", *METADATA}), gray=False),
    curve=CurveSettings(option="quality", settings=(0, 5, 15, 30, 50, 65, 78, 86, 92, 97)),
    write=_write,
    needs="Pillow with WebP",
    is_installed=lambda: bool(features.check("webp")),
)
