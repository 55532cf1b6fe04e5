"""Pairs of pictures of which everybody knows the nearer one: what a measure of visible errors must order."""

from collections.abc import Callable

import numpy as np

from experiments._run import Array
from qimg import images

SIDE = 64
"""Rows and columns of a drawn picture."""
PAPER = (228.0, 220.0, 200.0)
"""Red, green and blue of the ground."""
INK = (30.0, 40.0, 90.0)
"""Red, green and blue of lines and glyphs."""
DASH = 4
"""Rows of a dash and of a gap of a dotted line."""
_FINE = 8  # samples along each side of a pixel of a glyph


def line(position: float, *, width: float = 1.5, side: int = SIDE) -> Array:
    """(side, side) coverage of the pixels by a vertical line whose middle is `position` pixels right of the centre."""
    left = np.arange(side)
    low, high = side / 2 + position - width / 2, side / 2 + position + width / 2
    return np.tile(np.clip(np.minimum(left + 1, high) - np.maximum(left, low), 0, 1), (side, 1))


def dotted(coverage: Array) -> Array:
    """Every second dash of a line left out."""
    return np.asarray(coverage * (np.arange(len(coverage)) % (2 * DASH) < DASH)[:, None])


def glyph(
    letter: str, *, shift: tuple[float, float] = (0, 0), degrees: float = 0, height: float = 36, side: int = SIDE
) -> Array:
    """(side, side) coverage by a letter of DejaVu Sans, from 64 samples of each pixel.

    Args:
        letter: one character.
        shift: of the letter to the right and downwards, in pixels.
        degrees: by which it is turned clockwise around its centre.
        height: size of the type in pixels.
        side: rows and columns.
    """
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), letter, size=height)
    low, high = path.get_extents().get_points()
    centre = (low + high) / 2
    at = (np.arange(side * _FINE) + 0.5) / _FINE - side / 2
    x, y = at[None, :] - shift[0], at[:, None] - shift[1]
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    points = np.stack([cosine * x + sine * y, sine * x - cosine * y], axis=-1).reshape(-1, 2) + centre
    outlines = [Path(outline).contains_points(points) for outline in path.to_polygons()]
    inside = np.logical_xor.reduce(outlines)  # outlines of holes lie within others
    return np.asarray(inside.reshape(side, _FINE, side, _FINE).mean(axis=(1, 3)))


def painted(coverage: Array, *, colour: bool = False) -> Array:
    """Gray levels, or with a last axis RGB, of ink on paper."""
    paper, ink = np.array(PAPER), np.array(INK)
    shown = paper + coverage[..., None] * (ink - paper)
    return np.asarray(shown if colour else shown.mean(axis=-1))


def texture(rng: np.random.Generator, *, side: int = 96, deviation: float = 30.0) -> Array:
    """(side, side) a sample of a Gaussian texture of short vertical grains around mid-gray."""
    from scipy.ndimage import gaussian_filter

    grains = gaussian_filter(rng.normal(size=(side, side)), (2, 1), mode="wrap")
    return np.asarray(128 + deviation * grains / grains.std())


def warped(picture: Array, rng: np.random.Generator, *, displacement: float = 0.6, length: float = 12.0) -> Array:
    """The picture under a smooth random displacement.

    Args:
        picture: (H, W) or (H, W, C).
        rng: of the displacement.
        displacement: root mean square of each component, in pixels.
        length: over which it changes, in pixels.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    shape = picture.shape[:2]
    fields = [gaussian_filter(rng.normal(size=shape), length, mode="mirror") for _ in range(2)]
    moved = [
        at + displacement * field / max(float(np.sqrt(np.mean(field**2))), 1e-12)
        for at, field in zip(np.indices(shape), fields, strict=True)
    ]
    planes = [map_coordinates(plane, moved, order=3, mode="mirror") for plane in _channels(picture)]
    return _joined(planes, picture)


def noisy(picture: Array, rng: np.random.Generator, *, mean_squared_error: float) -> Array:
    """White noise of exactly this energy added."""
    noise = rng.normal(size=picture.shape)
    return np.asarray(picture + noise * np.sqrt(mean_squared_error / np.mean(noise**2)))


def with_hot_pixels(picture: Array, rng: np.random.Generator, *, mean_squared_error: float) -> Array:
    """Single pixels turned white or black, whichever is farther, as many as reach this energy."""
    order = rng.permutation(picture.shape[0] * picture.shape[1])
    flat = picture.reshape(len(order), -1)
    extreme = np.where(flat < 127.5, 255.0, 0.0)
    energy = np.cumsum(((extreme - flat) ** 2).sum(axis=1)[order]) / picture.size
    count = int(np.searchsorted(energy, mean_squared_error, side="right"))
    result = flat.astype(np.float64)
    result[order[:count]] = extreme[order[:count]]
    return np.asarray(result.reshape(picture.shape))


def blurred(picture: Array, *, mean_squared_error: float) -> Array:
    """A Gaussian blur of this energy, or the strongest if the picture has less."""
    return with_error(picture, lambda sigma: smoothed(picture, sigma), mean_squared_error, low=0.05, high=40.0)


def compressed(picture: Array, *, mean_squared_error: float) -> Array:
    """JPEG of the `uint8` picture at the quality, found by bisection, next to this energy."""

    def compress(strength: float) -> Array:
        return images.jpeg_round_trip(picture, quality=round(101 - strength)).image.astype(np.float64)

    return with_error(picture, compress, mean_squared_error, low=1.0, high=100.0)


def smoothed(picture: Array, sigma: float) -> Array:
    """A Gaussian blur of every channel, sigma in pixels."""
    from scipy.ndimage import gaussian_filter

    planes = [gaussian_filter(plane, sigma, mode="mirror") for plane in _channels(picture.astype(np.float64))]
    return _joined(planes, picture)


def with_error(
    picture: Array,
    distort: Callable[[float], Array],
    mean_squared_error: float,
    *,
    low: float,
    high: float,
    steps: int = 16,
) -> Array:
    """The distortion whose strength, found by bisection on a logarithmic scale, gives a mean squared error.

    Args:
        picture: original.
        distort: returns a distorted picture, the farther the greater its argument.
        mean_squared_error: wanted.
        low: smallest strength.
        high: greatest strength.
        steps: halvings of the range.
    """
    for _ in range(steps):
        middle = float(np.sqrt(low * high))
        if np.mean((distort(middle) - picture) ** 2) < mean_squared_error:
            low = middle
        else:
            high = middle
    return distort(float(np.sqrt(low * high)))


def _channels(picture: Array) -> Array:
    return np.moveaxis(np.atleast_3d(picture), -1, 0)


def _joined(planes: list[Array], like: Array) -> Array:
    return np.asarray(planes[0] if like.ndim == 2 else np.stack(planes, axis=-1))
