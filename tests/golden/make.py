"""Golden streams: `python tests/golden/make.py` writes what is missing; a stream that is there never changes.

Each file must decode to the pixels whose hash lies beside it, with every later version.
"""

import hashlib
from pathlib import Path

import numpy as np

import qimg
from qimg import codecs
from qimg.codecs import registry
from qimg.images import bundled

HERE = Path(__file__).parent


def pictures() -> dict[str, tuple[np.ndarray, dict[str, object]]]:
    """Name → picture and options of `encode`."""
    face, coffee = bundled("astronaut")[60:140, 180:260], bundled("coffee")
    noise = np.random.default_rng(0).integers(0, 256, (33, 31), np.uint8)
    tile_noise = np.random.default_rng(1).integers(0, 20, (100, 99, 3), np.uint8)
    alpha = np.linspace(0, 255, 40 * 40).astype(np.uint8).reshape(40, 40, 1)
    graphic = np.full((70, 90, 3), (200, 30, 60), np.uint8)
    page = np.full((96, 90, 4), (250, 250, 245, 255), np.uint8)
    page[8:20:3, 4:80:2, :3], page[:4, :4, 3] = (30, 60, 120), 9
    page[32:80, 20:84, :3] = bundled("chelsea")[90:138, 120:184]
    graphic[20:50, 30:70] = coffee[100:130, 100:140]
    row, column = np.indices((60, 80))
    smooth = np.stack([40 + 2 * row, 90 + column, 128 + 60 * np.cos(row / 20) * np.cos(column / 25)], axis=2)
    smooth[20:40, 50:] = smooth[20:40, 50:] // 2
    smooth = smooth.astype(np.uint8)
    return {
        "rgb": (face, {"codec": "block", "quality": 50}),
        "coarse": (coffee[:96, :128], {"codec": "block", "quality": 10}),
        "eigenbasis": (
            np.ascontiguousarray(coffee[60:142, 200:305]).astype(np.uint16) * 257,
            {"codec": "block", "quality": 45},
        ),
        "eigenbasis_layers": (face, {"codec": "block", "quality": 60, "progressive": True}),
        "hidden_signs": (coffee[200:263, 300:371, 1], {"codec": "block", "quality": 60}),
        "matched_blocks": (
            np.tile(coffee[100:120, 150:176], (5, 4, 1))[:, :99] // 2 + tile_noise,
            {"codec": "block", "quality": 55, "profile": "max"},
        ),
        "local_steps": (
            coffee[60:142, 200:305],
            {"codec": "block", "quality": 40, "importance": np.linspace(1, 99, 82 * 105).reshape(82, 105)},
        ),
        "gray": (coffee[200:263, 300:371, 1], {"codec": "block", "quality": 70}),
        "noise": (noise, {"codec": "block", "quality": 95}),
        "deep": (coffee[:40, :48].astype(np.uint16) * 257, {"codec": "block", "quality": 80}),
        "alpha": (np.concatenate([face[:40, :40], alpha], axis=2), {"codec": "block", "quality": 60}),
        "progressive": (face, {"codec": "block", "quality": 75, "progressive": True}),
        "one": (face[:1, :1], {"codec": "block", "quality": 50}),
        "flat": (graphic, {"codec": "block", "quality": 50}),
        "constant": (graphic[:9, :13], {"codec": "block", "quality": 50}),
        "lossless": (
            np.where(coffee[:24, :37] > 128, 65535, 4660).astype(np.uint16),
            {"codec": "block", "quality": 60},
        ),
        "thin": (coffee[77:82], {"codec": "block", "quality": 50}),
        "contour": (np.concatenate([graphic, graphic[..., :1] // 2], axis=2), {"codec": "contour", "lossless": True}),
        "contour_fills": (smooth, {"codec": "contour", "quality": 60}),
        "contour_layers": (graphic, {"codec": "contour", "lossless": True, "progressive": True}),
        "contour_layers_numbered": (
            graphic // 64 * 64,
            {"codec": "contour", "lossless": True, "progressive": True},
        ),
        "contour_channels": (face, {"codec": "contour", "lossless": True}),
        "mixed": (page, {"codec": "mixed", "quality": 40}),
        "photo": (face, {"codec": "lossless"}),
        "photo_deep": (coffee[:40, :48].astype(np.uint16) * 16, {"codec": "lossless"}),
        "photo_alpha": (np.concatenate([face[:40, :40, :1], alpha], axis=2), {"codec": "lossless"}),
        "photo_plain": (noise, {"codec": "lossless"}),
        "jpeg_recompression": (coffee[:60, :77], {"codec": "jpeg-recompression", "quality": 70}),
        "learned": (coffee[60:160, 180:330], {"codec": "learned", "quality": 40}),
        "sketch": (coffee[60:160, 180:330], {"codec": "sketch", "size": 120, "effort": 1}),
        "sketch_statistics": (coffee[60:160, 180:330], {"codec": "sketch", "size": 100, "effort": 1}),
        "sketch_checks": (coffee[::3, ::3, 1], {"codec": "sketch", "size": 90, "effort": 1}),
        "sketch_gray": (coffee[::3, ::3, 1], {"codec": "sketch", "size": 100, "effort": 1}),
    }


def packs() -> dict[str, tuple[str, dict[str, object]]]:
    """Name → id of a codec for packs of digits and options of its `encode`."""
    return {
        "mnist_autoencoder": ("mnist-autoencoder", {"rate": 0.5, "effort": 1}),
        "mnist_contours": ("mnist-contours", {"rate": 0.5, "effort": 1}),
        "mnist_klt": ("mnist-klt", {"rate": 0.5}),
        "mnist_raster_2": ("mnist-raster", {"levels": 2, "effort": 1}),
        "mnist_raster_4": ("mnist-raster", {"levels": 4, "effort": 1}),
        "mnist_raster_8": ("mnist-raster", {"levels": 8, "effort": 1}),
        "mnist_raster_256": ("mnist-raster", {"levels": 256}),
    }


def digits() -> np.ndarray:
    """Three digits (3, 28, 28) of one bright bar each."""
    made = np.zeros((3, 28, 28), np.uint8)
    made[0, 5:23, 12:15], made[1, 12:16, 6:22] = 253, 200
    for place in range(6, 22):
        made[2, place, place : place + 3] = (90, 255, 140)
    return made


def decoded(data: bytes) -> np.ndarray:
    """The pixels of a file, by the codec that its envelope names."""
    return codecs.get(registry.id_of(data)).decode(data)


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
    for name, (codec, given) in packs().items():
        file = HERE / f"{name}.qimg"
        if not file.exists():
            file.write_bytes(codecs.get(codec).encode(digits(), **given))
            file.with_suffix(".sha256").write_text(digest(decoded(file.read_bytes())) + "\n")
            print(file.name, file.stat().st_size, "bytes")
