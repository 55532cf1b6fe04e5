"""The codec against Pillow's AVIF and JPEG, and its time and memory as pictures grow.

All on one thread, in CPU seconds: they do not depend on what else the machine does.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import qimg
from benchmarks.timing import Comparison, medians
from qimg import images

QUALITY = 45.0
"""About 34 dB on photographs."""


def photograph() -> np.ndarray:
    """kodim05 of QIMG_DATA, or a bundled photograph."""
    kodak = Path(os.environ.get("QIMG_DATA", "")) / "kodak"
    if "QIMG_DATA" in os.environ and kodak.is_dir():
        return images.load(sorted(kodak.glob("*.png"))[4])
    return images.bundled("coffee")


def against_avif(photo: np.ndarray, repeats: int) -> list[Comparison]:
    """Encoding and decoding beside AVIF 4:4:4 at speed 6, both on one thread and at about the same PSNR."""
    data = qimg.encode(photo, quality=QUALITY)
    target = qimg.psnr_db(photo, qimg.decode(data), data_range=255)

    def avif(quality: int) -> bytes:
        return qimg.encode(photo, codec="peer:avif", quality=quality)

    def decoded(content: bytes) -> np.ndarray:
        return qimg.decode(content, codec="peer:avif")

    quality = min(range(20, 91, 5), key=lambda q: abs(qimg.psnr_db(photo, decoded(avif(q)), data_range=255) - target))
    theirs = avif(quality)
    megabytes = photo.nbytes / 1e6
    rows = []
    for what, ours, peer, must in (
        ("encode", lambda: qimg.encode(photo, quality=QUALITY), lambda: avif(quality), "≥ 0.3 MB/s, goal 1"),
        ("decode", lambda: qimg.decode(data), lambda: decoded(theirs), "≥ 3 MB/s, goal 10"),
    ):
        mine, its = medians(ours, peer, repeats=repeats, clock=time.process_time)
        rows.append(
            Comparison(
                what=f"{what} {photo.shape[1]}×{photo.shape[0]}, {len(data)} bytes, {target:.1f} dB",
                ours_seconds=mine,
                peer=f"AVIF 4:4:4 speed 6, {len(theirs)} bytes",
                peer_seconds=its,
                figure="MB/s of raw RGB, one core",
                value=megabytes / mine,
                target=must,
            )
        )
    return rows


def efforts(photo: np.ndarray) -> list[str]:
    """Time, and bytes at equal PSNR by BD-rate, beside the default effort: the photograph and bundled ones."""
    named = {"photograph": photo} | {name: images.bundled(name) for name in ("astronaut", "chelsea")}
    said = []
    for name, picture in named.items():
        found = {}
        for effort in (5, 1, 3, 7):
            start = time.process_time()
            coded = [qimg.encode_picture(picture, quality=QUALITY + more, effort=effort) for more in (-15, -5, 5, 15)]
            seconds = time.process_time() - start
            found[effort] = ([len(one.data) for one in coded], [one.psnr_db for one in coded], seconds)
            more_bytes, times = qimg.bd_rate(*found[5][:2], *found[effort][:2]), seconds / found[5][2]
            said.append(f"{name}, effort {effort}: {more_bytes:+.1f} % bytes at equal PSNR, {times:.2f} times the time")
    return said


def growth(sides: tuple[int, ...]) -> list[str]:
    """Seconds and peak memory, each in its own process, of a mosaic of a photograph with so many pixels on a side."""
    script = (
        "import resource, sys, time\n"
        "import numpy as np, qimg\n"
        "from benchmarks.codec import photograph, QUALITY\n"
        "side = int(sys.argv[1]); photo = photograph(); h, w = photo.shape[:2]\n"
        "tall = np.concatenate([photo, photo[::-1]]); tile = np.concatenate([tall, tall[:, ::-1]], axis=1)\n"
        "qimg.decode(qimg.encode(photo[:40, :40], quality=50))\n"
        "picture = np.empty((side, side, 3), np.uint8)\n"
        "for y in range(0, side, 2 * h):\n"
        "    for x in range(0, side, 2 * w):\n"
        "        part = picture[y : y + 2 * h, x : x + 2 * w]; part[:] = tile[: part.shape[0], : part.shape[1]]\n"
        "start = time.process_time(); data = qimg.encode(picture, quality=QUALITY)\n"
        "middle = time.process_time(); del picture\n"
        "decoded = qimg.decode(data, max_pixels=side * side); end = time.process_time()\n"
        "print(middle - start, end - middle, len(data), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    said = []
    for side in sides:
        run = subprocess.run([sys.executable, "-c", script, str(side)], capture_output=True, text=True, check=True)
        encode, decode, size, peak = map(float, run.stdout.split())
        pixels = side * side / 1e6
        said.append(
            f"{pixels:.2f} Mpixel: encode {encode:.1f} s ({3 * pixels / encode:.2f} MB/s), decode {decode:.1f} s "
            f"({3 * pixels / decode:.2f} MB/s), {size / 1e6:.2f} MB, peak {peak:.0f} MiB"
        )
    return said


def progressive_penalty() -> list[str]:
    """Bytes of progressive files beside those of sequential ones at equal PSNR, and how quality rises with bytes."""
    said = []
    photos = [photograph(), images.bundled("coffee"), images.bundled("chelsea")]
    for quality in (30, 45, 60, 75):
        ratios = []
        for photo in photos:
            embedded = qimg.encode_picture(photo, quality=quality, progressive=True)
            around = [qimg.encode_picture(photo, quality=quality + change) for change in (-12, -6, 0, 6)]
            curve = [(coded.psnr_db, np.log(len(coded.data))) for coded in around]
            ratios.append(len(embedded.data) / np.exp(np.interp(embedded.psnr_db, *zip(*curve, strict=True))))
        said.append(f"progressive at quality {quality}: {100 * (np.mean(ratios) - 1):+.1f} % bytes at equal PSNR")
    data = qimg.encode(photos[0], quality=60, progressive=True)
    shown = [qimg.decode_picture(data[: len(data) * cut // 20]).image for cut in range(1, 21)]
    found = [qimg.psnr_db(photos[0], image, data_range=255) for image in shown]
    return [*said, "dB at 5, 10, … 100 % of the bytes, quality 60: " + " ".join(f"{value:.1f}" for value in found)]


def compare_progressive() -> tuple[list[Comparison], list[str]]:
    """What the embedded mode costs."""
    return [], progressive_penalty()


def compare() -> tuple[list[Comparison], list[str]]:
    """Speed beside AVIF, effort, first call, growth up to 4 Mpixel."""
    photo = photograph()
    return against_avif(photo, 5), [*efforts(photo), *growth((512, 1024, 2048))]


def compare_large() -> tuple[list[Comparison], list[str]]:
    """Growth up to 100 Mpixel; several minutes."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [], [f"this process: {own:.0f} MiB", *growth((2048, 4096, 10_000))]
