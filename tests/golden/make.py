"""Golden streams: `python tests/golden/make.py` writes what is missing; a stream that is there never changes.

Each file must decode to the pixels whose hash lies beside it, with every later version.
"""

import hashlib
from pathlib import Path

import numpy as np

import qimg
from qimg.images import bundled

HERE = Path(__file__).parent


def pictures() -> dict[str, tuple[np.ndarray, dict[str, object]]]:
    """Name → picture and options of `encode`."""
    face, coffee = bundled("astronaut")[60:140, 180:260], bundled("coffee")
    noise = np.random.default_rng(0).integers(0, 256, (33, 31), np.uint8)
    alpha = np.linspace(0, 255, 40 * 40).astype(np.uint8).reshape(40, 40, 1)
    graphic = np.full((70, 90, 3), (200, 30, 60), np.uint8)
    graphic[20:50, 30:70] = coffee[100:130, 100:140]
    return {
        "rgb": (face, {"quality": 50}),
        "coarse": (coffee[:96, :128], {"quality": 10}),
        "gray": (coffee[200:263, 300:371, 1], {"quality": 70}),
        "noise": (noise, {"quality": 95}),
        "deep": (coffee[:40, :48].astype(np.uint16) * 257, {"quality": 80}),
        "alpha": (np.concatenate([face[:40, :40], alpha], axis=2), {"quality": 60}),
        "progressive": (face, {"quality": 75, "progressive": True}),
        "one": (face[:1, :1], {"quality": 50}),
        "flat": (graphic, {"quality": 50}),
        "constant": (graphic[:9, :13], {"quality": 50}),
        "lossless": (np.where(coffee[:24, :37] > 128, 65535, 4660).astype(np.uint16), {"quality": 60}),
        "thin": (coffee[77:82], {"quality": 50}),
    }


def digest(pixels: np.ndarray) -> str:
    """SHA-256 of dtype, shape and pixels."""
    return hashlib.sha256(f"{pixels.dtype} {pixels.shape} ".encode() + pixels.tobytes()).hexdigest()


if __name__ == "__main__":
    for name, (picture, options) in pictures().items():
        file = HERE / f"{name}.qimg"
        if not file.exists():
            file.write_bytes(qimg.encode(np.ascontiguousarray(picture), **options))  # type: ignore[arg-type]
            file.with_suffix(".sha256").write_text(digest(qimg.decode(file.read_bytes())) + "\n")
            print(file.name, file.stat().st_size, "bytes")
