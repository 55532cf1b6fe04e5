"""Pictures deeper than 8 bits, the tiles that estimators are fitted on, and measures of their fine detail."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from experiments._run import Array, Picture
from experiments.operators.stages import NO_CAMERA, developed_picture
from qimg import images
from qimg.images.collections import JPEG_SUFFIXES
from qimg.images.jpeg.blocks import DCT, to_blocks
from qimg.restoration.jpeg.fitting.draws import LEAST

_FINE = np.add.outer(np.arange(8), np.arange(8)).ravel() >= 8
_QUIET = 0.1


class Tile(NamedTuple):
    """A part of a picture."""

    name: str
    """Hash of the picture, and number of the part."""
    pixels: Array


@dataclass(frozen=True, kw_only=True)
class Grain:
    """Fine detail and noise of luma, from its DCT coefficients with u + v ≥ 8 in blocks of 8×8."""

    fine_share: float
    """Fraction of the energy without DC in these coefficients."""
    noise_floor: float
    """Tenth percentile over the blocks of their root mean square, in code values."""


UNKNOWN = Grain(fine_share=float("nan"), noise_floor=float("nan"))
"""Grain of no picture: NaN."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DeepPicture:
    """A picture at the depth of its source, in 16 bits."""

    name: str
    sha256: str
    camera: str
    """Make and model of the camera; "no RAW file" for other pictures."""
    pixels: Array
    """`uint16`."""

    @property
    def group(self) -> str:
        """Key of the pictures that are left out together: a camera, or a single picture without one."""
        return self.camera if self.is_raw else self.sha256

    @property
    def is_raw(self) -> bool:
        """Whether it was developed from a RAW file."""
        return self.camera != NO_CAMERA

    @property
    def usable(self) -> bool:
        """Whether an estimator can be fitted on it."""
        return min(self.pixels.shape[:2]) >= LEAST

    def tiles(self, side: int) -> list[Tile]:
        """Parts of the picture of at least `side` rows and columns, or the whole of a smaller one."""
        return tiles(self.sha256, self.pixels, side)


def deep_picture(picture: Picture, *, tone: str) -> DeepPicture:
    """A picture in 16 bits, box means included; a RAW file is developed in a tone, "rendered" or "linear"."""
    if picture.path is not None and picture.path.suffix.lower() in images.RAW_SUFFIXES:
        developed = developed_picture(picture)
        pixels = developed.rendered if developed.linear is None or tone == "rendered" else developed.linear
        return DeepPicture(name=picture.name, sha256=picture.sha256, camera=developed.camera, pixels=pixels)
    pixels = replace(picture, box_mean=1).image()
    pixels = pixels.astype(np.uint16) * 257 if pixels.dtype == np.uint8 else pixels
    pixels = images.box_mean(pixels, min(picture.box_mean, *pixels.shape[:2]))
    return DeepPicture(name=picture.name, sha256=picture.sha256, camera=NO_CAMERA, pixels=pixels)


def ordinary_tiles(picture: Picture, side: int) -> list[Tile]:
    """Parts of a picture in 8 bits, none where it is too small; JPEG files are reduced by 2×2 means."""
    jpeg = picture.path is not None and picture.path.suffix.lower() in JPEG_SUFFIXES
    pixels = replace(picture, box_mean=2 if jpeg else 1).code_values()
    return tiles(picture.sha256, pixels, side) if min(pixels.shape[:2]) >= LEAST else []


def tiles(name: str, pixels: Array, side: int) -> list[Tile]:
    """Parts of nearly equal size that cover a picture, with sides from `side` to twice as much."""
    parts = [
        part
        for band in np.array_split(pixels, max(pixels.shape[0] // side, 1), axis=0)
        for part in np.array_split(band, max(pixels.shape[1] // side, 1), axis=1)
    ]
    return [Tile(f"{name} {number}", part) for number, part in enumerate(parts)]


def drawn_tiles(pool: Sequence[Tile], pixels: int, rng: np.random.Generator) -> list[Tile]:
    """Tiles in random order until they have a number of pixels; all where they have fewer."""
    chosen: list[Tile] = []
    for index in rng.permutation(len(pool)):
        if area(chosen) >= pixels:
            break
        chosen.append(pool[index])
    return chosen


def area(some: Sequence[Tile]) -> int:
    """Number of pixels of the tiles."""
    return sum(tile.pixels.shape[0] * tile.pixels.shape[1] for tile in some)


def grain(planes: Sequence[Array]) -> Grain:
    """Energy of the fine half of the DCT coefficients of planes; NaN where there is no whole block, or no energy."""
    squares = np.concatenate([np.zeros((0, 64)), *(_squares(plane) for plane in planes)])
    energy = squares.sum(axis=0)
    total = energy[1:].sum()
    quiet = np.quantile(squares[:, _FINE].mean(axis=1), _QUIET) if len(squares) else np.nan
    return Grain(
        fine_share=float(energy[_FINE].sum() / total) if total > 0 else float("nan"), noise_floor=float(np.sqrt(quiet))
    )


def _squares(plane: Array) -> Array:
    """(n, 64) squares of the coefficients of its whole blocks."""
    height, width = (length // 8 * 8 for length in plane.shape)
    if min(height, width) == 0:
        return np.zeros((0, 64))
    return np.asarray(np.square(to_blocks(plane[:height, :width]) @ DCT.T.astype(np.float64)))
