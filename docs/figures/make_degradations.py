"""Draw docs/figures/degradations.png, crops before and after: `python docs/figures/make_degradations.py`."""

from functools import partial

import numpy as np
from grid import Views, draw
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import convolve
from skimage.restoration import denoise_nl_means, inpaint_biharmonic, wiener

import qimg
from qimg.core import Array
from qimg.images import box_mean, bundled, to_uint8

SIDE = 144
BALANCES = (3e-4, 1e-3, 3e-3, 0.01, 0.03)
STRENGTHS = (0.4, 0.6, 0.8, 1.0)


def crop(name: str, top: int, left: int) -> Array:
    """A square of a bundled photograph."""
    return bundled(name)[top : top + SIDE, left : left + SIDE]


def text() -> Array:
    """A mask of lines of text."""
    board = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(board)
    for row in range(3, SIDE, 20):
        draw.text((4, row), "natural pictures share one operator", fill=255, font=ImageFont.load_default(15))
    return np.asarray(board) > 127


def noise(raw: Array) -> Views:
    """White noise, and its removal by non-local means of scikit-image and by qimg."""
    noisy = to_uint8(raw + np.random.default_rng(0).normal(0, 25, raw.shape))
    means = partial(denoise_nl_means, noisy / 255, 5, 6, sigma=25 / 255, channel_axis=-1)
    return [
        ("noise, σ = 25", noisy),
        ("non-local means", best(raw, [to_uint8(255 * means(h=h * 25 / 255)) for h in STRENGTHS])),
        ("qimg.denoise", qimg.denoise(noisy, sigma=25, effort=9)),
    ]


def holes(raw: Array, name: str, missing: Array) -> Views:
    """Missing pixels, and their completion by the biharmonic equation and by qimg."""
    masked = np.where(missing[..., None], 0, raw).astype(np.uint8)
    peer = to_uint8(255 * inpaint_biharmonic(masked / 255, missing, channel_axis=-1))
    return [(name, masked), ("biharmonic", peer), ("qimg.inpaint", qimg.inpaint(masked, missing))]


def blur(raw: Array) -> Views:
    """A blur with noise, and its removal by the Wiener filter and by qimg."""
    kernel = np.full((9, 9), 1 / 81)
    blurred = convolve(raw.astype(float), kernel[..., None], mode="mirror")
    degraded = to_uint8(blurred + np.random.default_rng(0).normal(0, np.sqrt(2), raw.shape))
    torus = np.pad(degraded / 255, [(0, SIDE - 2), (0, SIDE - 2), (0, 0)], mode="reflect")
    candidates = [
        np.dstack([wiener(torus[..., c], kernel, balance, clip=False) for c in range(3)]) for balance in BALANCES
    ]
    return [
        ("box blur 9×9, σ = √2", degraded),
        ("Wiener", best(raw, [to_uint8(255 * one)[:SIDE, :SIDE] for one in candidates])),
        ("qimg.deblur", qimg.deblur(degraded, kernel, sigma=np.sqrt(2))),
    ]


def half_size(raw: Array) -> Views:
    """Half as many rows and columns, and their enlargement by bicubic interpolation and by qimg."""
    small = box_mean(raw, 2)
    enlarge = partial(Image.fromarray(small).resize, (SIDE, SIDE))
    return [
        ("half size", np.asarray(enlarge(Image.Resampling.NEAREST))),
        ("bicubic", np.asarray(enlarge(Image.Resampling.BICUBIC))),
        ("qimg.upscale", qimg.upscale(small)),
    ]


def best(raw: Array, candidates: list[Array]) -> Array:
    """The picture of highest PSNR."""
    return max(candidates, key=lambda picture: qimg.psnr_db(raw, picture, data_range=255))


if __name__ == "__main__":
    originals = {
        noise: crop("astronaut", 40, 150),
        partial(holes, name="half missing", missing=np.random.default_rng(0).random((SIDE, SIDE)) < 0.5): crop(
            "coffee", 130, 200
        ),
        partial(holes, name="text over it", missing=text()): crop("chelsea", 60, 110),
        blur: crop("motorcycle", 150, 300),
        half_size: crop("astronaut", 0, 180),
    }
    views = [[*degrade(raw), ("original", raw)] for degrade, raw in originals.items()]
    draw("degradations.png", views, list(originals.values()), down=True, size=(2.5 * len(views), 11.2), dpi=80)
