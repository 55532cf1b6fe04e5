"""JPEG by Pillow (libjpeg-turbo), 4:2:0: one codec with default tables, one with optimised tables and progressive."""

from dataclasses import replace
from functools import partial

from qimg.codecs.peers.peer import Peer, metadata_options, save, whole_quality
from qimg.codecs.protocol import METADATA, Capabilities, CurveSettings, EncodeOptions
from qimg.core import Array


def _write(image: Array, options: EncodeOptions, *, optimised: bool = False) -> bytes:
    more = {"optimize": True, "progressive": True} if optimised else {}
    return save(
        image,
        "JPEG",
        quality=whole_quality(options),
        **more,
        **metadata_options(options, ".jpg", image),
    )


CODEC = Peer(
    id="peer:jpeg",
    name="JPEG",
    about="libjpeg-turbo by Pillow, its defaults, 4:2:0",
    suffix=".jpg",
    form="JPEG",
    capabilities=Capabilities(options=frozenset({"quality", *METADATA})),
    curve=CurveSettings(option="quality", settings=(5, 10, 20, 35, 50, 65, 78, 87, 93, 97)),
    write=_write,
)
OPTIMISED = replace(
    CODEC,
    id="peer:jpeg-optimised",
    name="JPEG optimised",
    about="libjpeg-turbo by Pillow, optimised and progressive, 4:2:0",
    write=partial(_write, optimised=True),
)
