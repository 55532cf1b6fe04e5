"""Methods of the experiment `restoration_raw` for gray JPEG files; some are fitted anew for each picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments._run import Array, Picture, bundled, gather, require
from experiments.restoration.deep_pictures import (
    UNKNOWN,
    DeepPicture,
    Grain,
    Tile,
    area,
    deep_picture,
    drawn_tiles,
    grain,
    ordinary_tiles,
)
from qimg import images, restoration
from qimg.images.jpeg import Component, read_jpeg
from qimg.restoration.jpeg.estimator import Estimator, Explicit, as_decoded, in_strips
from qimg.restoration.jpeg.fallback import best_as_decoded
from qimg.restoration.jpeg.fitting import Recipe, fit
from qimg.restoration.jpeg.restore import learned

JPEG, SHIPPED, ALWAYS, NETWORK = "JPEG", "shipped", "shipped (always)", "network, effort"
PICTURES, DEEP = "pictures", "deep"
FITTED = {
    "pictures (bytes)": ((PICTURES,), True),
    "pictures (unrounded)": ((PICTURES,), False),
    "deep (bytes)": ((DEEP,), True),
    "deep (unrounded)": ((DEEP,), False),
    "both (unrounded)": ((PICTURES, DEEP), False),
}
"""Fits by name: sources, in equal parts, and whether the reference is rounded to bytes."""
PROBABILITY = 0.9
"""Nominal probability of the intervals."""
_HELD_OUT = 5
"""One tile of so many is held out of a fit for its calibration."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """Estimate of a method from a file."""

    values: Array
    """(H, W) code values in [0, 255], not rounded."""
    half_width: Array | None = None
    """(H, W) half-width of the 90 % interval in code values; None where the method has no intervals."""
    left_alone: bool = False
    """Whether `values` is the decoded file."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Method:
    """A restoration method, and the extent and grain of the pictures drawn for its fit."""

    restore: Callable[[bytes], Shown]
    fitted_pixels: int = 0
    fitted_grain: Grain = UNKNOWN


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """An estimator, and the tiles that it was fitted and calibrated on."""

    model: restoration.Model
    tiles: Sequence[Tile]


def table_of_methods(fitted: Mapping[str, Fitted], *, networks: Sequence[int] = ()) -> dict[str, Method]:
    """Methods by name: JPEG, `qimg.restore` before rounding, the same without leaving files alone, networks and fits.

    Args:
        fitted: estimators by name.
        networks: efforts of the network to include, as `qimg.restore` applies them.
    """
    shipped = _explicit(restoration.load())
    methods = {
        JPEG: Method(restore=_decoded),
        SHIPPED: Method(restore=_restorer(shipped, always=False)),
        ALWAYS: Method(restore=_restorer(shipped, always=True)),
    }
    for effort in networks:
        methods[f"{NETWORK} {effort}"] = Method(restore=_restorer(learned().load(effort=effort), always=False))
    for name, one in fitted.items():
        methods[name] = Method(
            restore=_restorer(_explicit(one.model), always=True),
            fitted_pixels=area(one.tiles),
            fitted_grain=grain([images.luma(tile.pixels) for tile in one.tiles]),
        )
    return methods


def component_of(file: bytes) -> Component:
    """The only component of a gray file."""
    return read_jpeg(file).components[0]


def _decoded(file: bytes) -> Shown:
    component = component_of(file)
    return Shown(values=_shown(as_decoded(component).values, component))


def _explicit(model: restoration.Model) -> Explicit:
    return Explicit(model, len(model.cascade.stages))


def _restorer(estimator: Estimator, *, always: bool) -> Callable[[bytes], Shown]:
    def restore(file: bytes) -> Shown:
        component = component_of(file)
        alone = not always and best_as_decoded(component)
        found = as_decoded(component) if alone else in_strips(estimator, component.coefficients, component.table)
        deviations = dict(estimator.calibration.widths(component.table))[PROBABILITY]
        rows, columns = component.shape
        half_width = deviations * np.sqrt(found.variance[:rows, :columns])
        return Shown(values=_shown(found.values, component), half_width=half_width, left_alone=alone)

    return restore


def _shown(plane: Array, component: Component) -> Array:
    rows, columns = component.shape
    return np.clip(plane[:rows, :columns].astype(np.float64), 0, 255)


class Fits:
    """Estimators for each picture from pictures of other cameras and ordinary ones; equal fits are computed once."""

    def __init__(self, recipe: Recipe, *, evaluated: Sequence[Picture], sources: Sequence[str], pixels: int, side: int):
        self._recipe = recipe
        self._evaluated = {picture.sha256 for picture in evaluated}
        self._sources = sources
        self._ordinary = gather(sources, box_mean=1).pictures if sources else bundled()
        self._pixels, self._side = pixels, side
        self._done: dict[tuple[str, ...], restoration.Model] = {}

    def of(self, picture: DeepPicture, deep: Sequence[DeepPicture], *, names: Sequence[str]) -> dict[str, Fitted]:
        """Estimators by name, fitted without the picture and without any other picture of its camera.

        Args:
            picture: the picture to evaluate.
            deep: all pictures to evaluate, this one included.
            names: names in `FITTED`.
        """
        pools = {DEEP: self._of_other_cameras(picture, deep), PICTURES: self._of_sources(picture)}
        pixels = min(self._pixels, area(pools[DEEP]))
        found = {}
        for name in names:
            kinds, rounded = FITTED[name]
            tiles: list[Tile] = []
            for kind in kinds:
                rng = np.random.default_rng(self._recipe.seed)
                tiles += drawn_tiles(pools[kind], pixels // len(kinds), rng)
            found[name] = Fitted(model=self._fitted(tiles, rounded), tiles=tiles)
        return found

    def _of_other_cameras(self, picture: DeepPicture, deep: Sequence[DeepPicture]) -> list[Tile]:
        """Tiles of other cameras; those of the bundled photographs at half size where there is no other camera."""
        others = [one for one in deep if one.group != picture.group and one.usable]
        if not others:
            others = [deep_picture(one, tone="rendered") for one in bundled(box_mean=2) if not _same(one, picture)]
        return [tile for one in others for tile in one.tiles(self._side)]

    def _of_sources(self, picture: DeepPicture) -> list[Tile]:
        """Tiles of the sources without any evaluated picture, or of the bundled photographs without this picture."""
        found: list[Tile] = []
        for one in self._ordinary:
            if not (one.sha256 in self._evaluated if self._sources else _same(one, picture)):
                found += ordinary_tiles(one, self._side)
        require(bool(found), "sources", "must hold a picture that images does not", self._sources)
        return found

    def _fitted(self, tiles: Sequence[Tile], rounded: bool) -> restoration.Model:
        key = (str(rounded), *(tile.name for tile in tiles))
        if key not in self._done:
            every = [tile.pixels for tile in tiles]
            # Held-out tiles are of the scenes of the fit; the calibration, like the fit, is applied to other scenes.
            held_out = every[_HELD_OUT - 1 :: _HELD_OUT]
            rest = [pixels for number, pixels in enumerate(every, start=1) if number % _HELD_OUT]
            self._done[key] = fit(rest, replace(self._recipe, rounded=rounded), held_out=held_out)
        return self._done[key]


def _same(one: Picture, picture: DeepPicture) -> bool:
    """Whether two records are of the same picture, at any scale for a bundled one."""
    return one.sha256 == picture.sha256 or (one.path is None and one.name == picture.name)
