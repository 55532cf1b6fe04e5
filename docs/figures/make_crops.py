"""Draws docs/figures/codec-crops.png, the codec and its peers at equal bytes: `python docs/figures/make_crops.py`."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import qimg
from qimg.codecs import registry
from qimg.core.arguments import Array
from qimg.images import bundled
from qimg.report import LIGHT

PICTURES = (("astronaut", (30, 160, 170, 190)), ("coffee", (120, 150, 170, 190)))
"""Bundled photographs, and row, column, rows and columns of the crop."""
BITS_PER_PIXEL = 0.3
PEERS = ("peer:avif", "peer:webp", "peer:jpeg-optimised")


def closest(codec: str, photo: Array, size: int) -> bytes:
    """The peer's largest file of at most `size` bytes over all whole qualities."""
    files = [qimg.encode(photo, codec=codec, quality=quality) for quality in range(1, 96)]
    return max((file for file in files if len(file) <= size), key=len, default=min(files, key=len))


def main() -> None:
    """Write the figure beside this file."""
    with plt.rc_context({**LIGHT, "backend": "agg"}):
        figure, axes = plt.subplots(len(PICTURES), len(PEERS) + 2, figsize=(13, 5.6), layout="constrained")
        for row, (name, (top, left, rows, columns)) in zip(axes, PICTURES, strict=True):
            photo = bundled(name)
            size = int(BITS_PER_PIXEL * photo[..., 0].size / 8)
            ours = qimg.encode(photo, size=size)
            views = [(f"{name}", photo), (f"qimg, {len(ours)} bytes", qimg.decode(ours))]
            for codec in PEERS:
                file = closest(codec, photo, size)
                title = f"{registry.codec(codec).name}, {len(file)} bytes"
                views.append((title, qimg.decode(file, codec=codec)))
            for ax, (title, picture) in zip(row, views, strict=True):
                ax.imshow(picture[top : top + rows, left : left + columns], interpolation="nearest")
                quality = (
                    "" if np.array_equal(picture, photo) else f"\n{qimg.psnr_db(photo, picture, data_range=255):.2f} dB"
                )
                ax.set_title(title + quality, fontsize=9)
                ax.set_axis_off()
        figure.savefig(Path(__file__).with_name("codec-crops.png"), dpi=110)


if __name__ == "__main__":
    main()
