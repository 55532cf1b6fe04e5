"""The codec beside AVIF, JPEG XL and WebP at about the same PSNR, on one core and on two."""

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import AvifImagePlugin, Image

import qimg
from benchmarks.timing import seconds_of
from experiments._results.measurements import Measurement

PEERS = "format"
"""Name of the table."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A format with one setting of its encoder; both functions get the number of threads that they may use."""

    name: str
    settings: Sequence[float]
    """Settings of quality, of which the one of nearest PSNR is measured."""
    encode: Callable[[np.ndarray, float, int], bytes]
    decode: Callable[[bytes, int], np.ndarray]


def _qimg(effort: int) -> Contender:
    return Contender(
        name=f"qimg, effort {effort}",
        settings=(45,),
        encode=lambda photo, quality, threads: qimg.encode(photo, codec="block", quality=quality, effort=effort),
        decode=lambda data, threads: qimg.decode(data, threads=threads),
    )


def _saved(photo: np.ndarray, form: str, quality: float, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, form, quality=int(quality), **options)
    return file.getvalue()


def _avif(photo: np.ndarray, quality: float, threads: int) -> bytes:
    return _saved(photo, "AVIF", quality, subsampling="4:4:4", speed=6, max_threads=threads)


def _opened(data: bytes, threads: int) -> np.ndarray:
    before, AvifImagePlugin.DEFAULT_MAX_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS, threads
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    finally:
        AvifImagePlugin.DEFAULT_MAX_THREADS = before


def _jpeg_xl(photo: np.ndarray, distance: float, threads: int) -> bytes:
    from imagecodecs import jpegxl_encode

    return bytes(jpegxl_encode(photo, distance=distance, effort=7, numthreads=threads))


def _jpeg_xl_pixels(data: bytes, threads: int) -> np.ndarray:
    from imagecodecs import jpegxl_decode

    return np.asarray(jpegxl_decode(data, numthreads=threads))


CONTENDERS = (
    _qimg(1),
    _qimg(3),
    _qimg(5),
    Contender(name="AVIF 4:4:4, speed 6", settings=range(20, 91, 2), encode=_avif, decode=_opened),
    Contender(
        name="JPEG XL, effort 7",
        settings=(0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4),
        encode=_jpeg_xl,
        decode=_jpeg_xl_pixels,
    ),
    Contender(
        name="WebP, method 4",
        settings=range(40, 101, 5),
        encode=lambda photo, quality, threads: _saved(photo, "WEBP", quality),
        decode=_opened,
    ),
)


def beside_peers(photo: np.ndarray, repeats: int) -> list[Measurement]:
    """MB of raw RGB per second: of CPU time with one thread, of time with two, in the same run.

    The encoders of qimg and both directions of WebP use one thread in both cases.
    """
    rows, target = [], None
    for contender in CONTENDERS:

        def psnr_db(setting: float, contender: Contender = contender) -> float:
            decoded = contender.decode(contender.encode(photo, setting, 1), 1)
            return float(qimg.psnr_db(photo, decoded, data_range=255))

        points = {setting: psnr_db(setting) for setting in contender.settings}
        target = points[contender.settings[0]] if target is None else target
        setting = min(points, key=lambda one: abs(points[one] - target))
        data = contender.encode(photo, setting, 1)
        quantities = [("size", float(len(data)), "bytes"), ("RGB PSNR", points[setting], "dB")]
        for cores, threads, clock in (("one core", 1, time.process_time), ("two cores", 2, time.perf_counter)):
            for what, call in (
                ("encode", partial(contender.encode, photo, setting, threads)),
                ("decode", partial(contender.decode, data, threads)),
            ):
                seconds = seconds_of(call, repeats=repeats, clock=clock)
                quantities.append((f"{what}, {cores}", photo.nbytes / 1e6 / seconds, "MB/s"))
        rows += [
            Measurement(table=PEERS, what=contender.name, quantity=quantity, value=value, unit=unit)
            for quantity, value, unit in quantities
        ]
    return rows
