"""The codec against other formats, its efforts, and its time and memory by picture size.

Everything runs on one thread and is timed in CPU seconds, which other processes hardly change; beside the peers, two
threads are timed as well.
"""

import os
import time
from pathlib import Path

import numpy as np

import qimg
from benchmarks.codec_peers import beside_peers
from benchmarks.memory import peak_mebibytes
from benchmarks.timing import comparison, medians, printed
from experiments._results.measurements import Measurement
from qimg import images
from qimg.core import in_one_blas_thread
from qimg.core.workers import ONE_THREAD

QUALITY = 45.0
"""A usual quality of photographs."""


def photograph() -> np.ndarray:
    """kodim05 of QIMG_DATA, or a bundled photograph."""
    kodak = Path(os.environ.get("QIMG_DATA", "")) / "kodak"
    if "QIMG_DATA" in os.environ and kodak.is_dir():
        return images.load(sorted(kodak.glob("*.png"))[4])
    return images.bundled("coffee")


def against_avif(photo: np.ndarray, repeats: int) -> list[Measurement]:
    """Encoding and decoding beside AVIF 4:4:4 at speed 6, both on one thread and at about the same PSNR."""
    data = qimg.encode(photo, quality=QUALITY)
    psnr_db = qimg.psnr_db(photo, qimg.decode(data), data_range=255)

    def avif(quality: int) -> bytes:
        return qimg.encode(photo, codec="peer:avif", quality=quality)

    def avif_psnr_db(content: bytes) -> float:
        return qimg.psnr_db(photo, qimg.decode(content, codec="peer:avif"), data_range=255)

    quality = min(range(20, 91, 5), key=lambda q: abs(avif_psnr_db(avif(q)) - psnr_db))
    theirs, peer = avif(quality), "AVIF 4:4:4, speed 6"
    times, speeds = [], []
    for what, our_call, their_call, target in (
        ("encode", lambda: qimg.encode(photo, quality=QUALITY), lambda: avif(quality), "≥ 1.5 MB/s"),
        ("decode", lambda: qimg.decode(data), lambda: qimg.decode(theirs, codec="peer:avif"), "≥ 19 MB/s, goal 30"),
    ):
        seconds = medians(our_call, their_call, repeats=repeats, clock=time.process_time)
        times.append(comparison(f"{what} a photograph", seconds, peer, target=target, clock=time.process_time))
        speeds.append(
            Measurement(
                table="direction",
                what=what,
                quantity="raw RGB for each CPU second",
                value=photo.nbytes / 1e6 / seconds[0],
                unit="MB/s",
                peer=peer,
                peer_value=photo.nbytes / 1e6 / seconds[1],
                target=target,
            )
        )
    files = {"qimg": (data, psnr_db), peer: (theirs, avif_psnr_db(theirs))}
    return [
        *times,
        *speeds,
        *(
            Measurement(table="file", what=name, quantity=quantity, value=float(value), unit=unit)
            for name, (content, quality_db) in files.items()
            for quantity, value, unit in (
                ("pixels", photo.shape[0] * photo.shape[1], ""),
                ("size", len(content), "bytes"),
                ("RGB PSNR", quality_db, "dB"),
            )
        ),
    ]


def efforts(photo: np.ndarray) -> list[Measurement]:
    """Time and bytes at equal PSNR by BD-rate, relative to the default effort, of the photograph and bundled ones."""
    photos = {"photograph": photo} | {name: images.bundled(name) for name in ("astronaut", "chelsea")}
    rows = []
    for name, picture in photos.items():
        curves = {}
        for effort in (5, 1, 3, 7):
            start = time.process_time()
            coded = [
                qimg.encode_picture(picture, quality=QUALITY + change, effort=effort) for change in (-15, -5, 5, 15)
            ]
            seconds = time.process_time() - start
            curves[effort] = ([len(one.data) for one in coded], [one.psnr_db for one in coded], seconds)
            quantities = (
                ("bytes at equal PSNR beside effort 5", qimg.bd_rate(*curves[5][:2], *curves[effort][:2]), "%"),
                ("CPU time in that of effort 5", seconds / curves[5][2], ""),
            )
            rows += [
                Measurement(table="effort", what=f"{name}, effort {effort}", quantity=quantity, value=value, unit=unit)
                for quantity, value, unit in quantities
            ]
    return rows


def growth(sides: tuple[int, ...], *, effort: int = 5) -> list[Measurement]:
    """CPU time and peak memory of square mosaics of a photograph, each in a separate process, by pixels on a side."""
    script = (
        "import sys, time\n"
        "import numpy as np, qimg\n"
        "from benchmarks.codec import photograph, QUALITY\n"
        "from benchmarks.memory import peak_mebibytes\n"
        "side, effort = map(int, sys.argv[1:]); photo = photograph(); h, w = photo.shape[:2]\n"
        "tall = np.concatenate([photo, photo[::-1]]); tile = np.concatenate([tall, tall[:, ::-1]], axis=1)\n"
        "qimg.decode(qimg.encode(photo[:40, :40], quality=50))\n"
        "picture = np.empty((side, side, 3), np.uint8)\n"
        "for y in range(0, side, 2 * h):\n"
        "    for x in range(0, side, 2 * w):\n"
        "        part = picture[y : y + 2 * h, x : x + 2 * w]; part[:] = tile[: part.shape[0], : part.shape[1]]\n"
        "start = time.process_time(); data = qimg.encode(picture, quality=QUALITY, effort=effort)\n"
        "middle = time.process_time(); del picture\n"
        "decoded = qimg.decode(data, max_pixels=side * side); end = time.process_time()\n"
        "print(middle - start, end - middle, len(data), peak_mebibytes())\n"
    )
    rows = []
    for side in sides:
        encode, decode, size, peak = map(float, printed(script, str(side), str(effort), **ONE_THREAD).split())
        raw = 3 * side * side / 1e6
        quantities = (
            ("encode, CPU time", encode, "s"),
            ("encode", raw / encode, "MB/s"),
            ("decode, CPU time", decode, "s"),
            ("decode", raw / decode, "MB/s"),
            ("file", size / 1e6, "MB"),
            ("peak memory", peak, "MiB"),
        )
        what = f"{side * side / 1e6:.3g} Mpixel{'' if effort == 5 else f', effort {effort}'}"
        rows += [
            Measurement(table="picture_size", what=what, quantity=quantity, value=value, unit=unit)
            for quantity, value, unit in quantities
        ]
    return rows


@in_one_blas_thread
def measure_progressive() -> list[Measurement]:
    """Bytes of progressive files beside those of sequential ones at equal PSNR, and PSNR of beginnings of a file."""
    rows = []
    photos = [photograph(), images.bundled("coffee"), images.bundled("chelsea")]
    for quality in (30, 45, 60, 75):
        ratios = []
        for photo in photos:
            embedded = qimg.encode_picture(photo, quality=quality, progressive=True)
            sequential = [qimg.encode_picture(photo, quality=quality + change) for change in (-12, -6, 0, 6)]
            curve = [(coded.psnr_db, np.log(len(coded.data))) for coded in sequential]
            ratios.append(len(embedded.data) / np.exp(np.interp(embedded.psnr_db, *zip(*curve, strict=True))))
        rows.append(
            Measurement(
                table="quality",
                what=str(quality),
                quantity="bytes at equal PSNR beside a sequential file",
                value=100 * float(np.mean(ratios) - 1),
                unit="%",
            )
        )
    data = qimg.encode(photos[0], quality=60, progressive=True)
    for cut in range(1, 21):
        image = qimg.decode_picture(data[: len(data) * cut // 20]).image
        psnr_db = qimg.psnr_db(photos[0], image, data_range=255)
        rows.append(
            Measurement(table="percent_of_the_file", what=str(5 * cut), quantity="RGB PSNR", value=psnr_db, unit="dB")
        )
    return rows


@in_one_blas_thread
def measure() -> list[Measurement]:
    """Speed beside AVIF, JPEG XL and WebP, efforts, and growth up to 4 Mpixel."""
    photo = photograph()
    return [*against_avif(photo, 5), *beside_peers(photo, 5), *efforts(photo), *growth((512, 1024, 2048))]


def measure_large() -> list[Measurement]:
    """Growth up to 200 Mpixel, which takes a quarter of an hour; the largest picture at effort 1."""
    return [
        Measurement(
            table="process", what="before encoding", quantity="peak memory", value=peak_mebibytes(), unit="MiB"
        ),
        *growth((2048, 4096, 10_000)),
        *growth((14_142,), effort=1),
    ]
