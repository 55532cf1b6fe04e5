"""AVIF by Pillow (libavif and AOM): 4:4:4, one thread; a second, slower codec is tuned for PSNR."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from qimg.codecs.peers.peer import Peer, metadata_options, save, whole_quality
from qimg.codecs.protocol import METADATA, Capabilities, CurveSettings, EncodeOptions
from qimg.core import Array


def _write(image: Array, options: EncodeOptions, **settings: Any) -> bytes:
    quality, metadata = whole_quality(options, low=0), metadata_options(options, ".avif", image)
    return save(image, "AVIF", quality=quality, subsampling="4:4:4", max_threads=1, **settings, **metadata)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit decoding to one thread, for which Pillow's reader has no argument."""
    from PIL import AvifImagePlugin as Plugin

    threads, Plugin.DEFAULT_MAX_THREADS = Plugin.DEFAULT_MAX_THREADS, 1
    try:
        yield
    finally:
        Plugin.DEFAULT_MAX_THREADS = threads


def _is_installed() -> bool:
    if find_spec("PIL.AvifImagePlugin") is None:
        return False
    from PIL import AvifImagePlugin as Plugin

    return Plugin.SUPPORTED


CODEC = Peer(
    id="peer:avif",
    name="AVIF",
    about="libavif and AOM by Pillow, 4:4:4, speed 6",
    suffix=".avif",
    form="AVIF",
    capabilities=Capabilities(options=frozenset({"quality", *METADATA}), gray=False),
    curve=CurveSettings(option="quality", settings=(3, 12, 20, 28, 36, 44, 52, 60, 68, 76, 84)),
    write=partial(_write, speed=6),
    opened=_one_thread,
    needs="Pillow 11.3 with AVIF",
    is_installed=_is_installed,
)
TUNED_FOR_PSNR = replace(
    CODEC,
    id="peer:avif-psnr",
    name="AVIF tuned for PSNR",
    about="libavif and AOM by Pillow, 4:4:4, speed 4, tune=psnr",
    write=partial(_write, speed=4, advanced={"tune": "psnr"}),
)
