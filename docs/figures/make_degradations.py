"""Draws docs/figures/degradations.png, crops before and after: `python docs/figures/make_degradations.py`."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import convolve
from skimage.restoration import denoise_nl_means, inpaint_biharmonic, wiener

import qimg
from qimg.core.arguments import Array
from qimg.images import box_mean, bundled, to_uint8
from qimg.report import LIGHT

SIDE = 144
CROPS = {
    "noise, σ = 25": ("astronaut", (40, 150)),
    "half missing": ("coffee", (130, 200)),
    "text over it": ("chelsea", (60, 110)),
    "box blur 9×9, σ = √2": ("motorcycle", (150, 300)),
    "half size": ("astronaut", (0, 180)),
}
"""Task, and bundled photograph, row and column of the crop."""
BALANCES = (3e-4, 1e-3, 3e-3, 0.01, 0.03)
STRENGTHS = (0.4, 0.6, 0.8, 1.0)


def crop(name: str, corner: tuple[int, int]) -> Array:
    """The square of a photograph."""
    (top, left) = corner
    return bundled(name)[top : top + SIDE, left : left + SIDE]


def text() -> Array:
    """Lines of text, True where they are."""
    board = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(board)
    for row in range(3, SIDE, 20):
        draw.text((4, row), "natural pictures share one operator", fill=255, font=ImageFont.load_default(15))
    return np.asarray(board) > 127


def views(task: str, raw: Array) -> list[tuple[str, Array]]:
    """What is left, the best setting of scikit-image's or Pillow's method, and ours."""
    rng = np.random.default_rng(0)
    if task.startswith("noise"):
        seen = to_uint8(raw + rng.normal(0, 25, raw.shape))
        tried = [
            to_uint8(255 * denoise_nl_means(seen / 255, 5, 6, h=h * 25 / 255, sigma=25 / 255, channel_axis=-1))
            for h in STRENGTHS
        ]
        return [
            (task, seen),
            ("non-local means", best(raw, tried)),
            ("qimg.denoise", qimg.denoise(seen, sigma=25, effort=2)),
        ]
    if task.startswith(("half missing", "text")):
        missing = text() if task.startswith("text") else rng.random((SIDE, SIDE)) < 0.5
        seen = np.where(missing[..., None], 0, raw).astype(np.uint8)
        peer = to_uint8(255 * inpaint_biharmonic(seen / 255, missing, channel_axis=-1))
        return [(task, seen), ("biharmonic", peer), ("qimg.inpaint", qimg.inpaint(seen, missing))]
    if task.startswith("box"):
        kernel = np.full((9, 9), 1 / 81)
        blurred = convolve(raw.astype(float), kernel[..., None], mode="mirror")
        seen = to_uint8(blurred + rng.normal(0, np.sqrt(2), raw.shape))
        torus = np.pad(seen / 255, [(0, SIDE - 2), (0, SIDE - 2), (0, 0)], mode="reflect")
        tried = [
            to_uint8(255 * np.dstack([wiener(torus[..., c], kernel, balance, clip=False) for c in range(3)]))[
                :SIDE, :SIDE
            ]
            for balance in BALANCES
        ]
        return [
            (task, seen),
            ("Wiener", best(raw, tried)),
            ("qimg.deblur", qimg.deblur(seen, kernel, sigma=np.sqrt(2))),
        ]
    small = box_mean(raw, 2)
    large = (SIDE, SIDE)
    seen = np.asarray(Image.fromarray(small).resize(large, Image.Resampling.NEAREST))
    bicubic = np.asarray(Image.fromarray(small).resize(large, Image.Resampling.BICUBIC))
    return [(task, seen), ("bicubic", bicubic), ("qimg.super_resolve", qimg.super_resolve(small))]


def best(raw: Array, tried: list[Array]) -> Array:
    """The picture of highest PSNR."""
    return max(tried, key=lambda picture: qimg.psnr_db(raw, picture, data_range=255))


def main() -> None:
    """Write the figure beside this file."""
    with plt.rc_context({**LIGHT, "backend": "agg"}):
        figure, axes = plt.subplots(4, len(CROPS), figsize=(2.5 * len(CROPS), 11.2), layout="constrained")
        for column, (task, (name, corner)) in zip(axes.T, CROPS.items(), strict=True):
            raw = crop(name, corner)
            for ax, (title, picture) in zip(column, [*views(task, raw), ("original", raw)], strict=True):
                ax.imshow(picture, interpolation="nearest")
                quality = f", {qimg.psnr_db(raw, picture, data_range=255):.2f} dB" if picture is not raw else ""
                ax.set_title(title + quality, fontsize=9)
                ax.set_axis_off()
        figure.savefig(Path(__file__).with_name("degradations.png"), dpi=80)


if __name__ == "__main__":
    main()
