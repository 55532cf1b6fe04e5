"""Contributions of a few pictures to one pass of a fit: records, operators and moments of mixtures, but no pixels."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from itertools import product
from operator import add
from typing import Any

import numpy as np

from qimg import images
from qimg.core import Array
from qimg.images import LEVEL_SHIFT, ImageError
from qimg.images.collections import Source
from qimg.operators import CorrelationOperator
from qimg.prior.fitting.maximization import coarse_classes, seeded_moments, split_moments
from qimg.prior.fitting.moments import Expectation, Moments, pooled_moments
from qimg.prior.fitting.recipe import Recipe
from qimg.prior.jpeg_pairs import joint_operator
from qimg.prior.mixture import GaussianMixture
from qimg.prior.views import View, random_places

PLANE_STEP = 1 / 16
"""Step in code values to which planes are rounded before operators are fitted.

Products of such numbers are multiples of 1/256, so double precision adds them without rounding while a sum stays below
2⁵³/256, which holds for 2·10⁹ patches of the highest possible contrast or 10¹⁰ patches of photographs. Up to this limit
the sums do not depend on the order. Beyond it they are rounded and depend on the fixed partition."""


_RETAINED_BYTES = 31 << 20  # glibc adapts its threshold up to 32 MiB
_ROWS = 64  # of a strip, so that the strip stays in the cache


@dataclass(frozen=True, eq=False, kw_only=True)
class Contribution:
    """Sums over some pictures; contributions add."""

    records: list[dict[str, Any]] = field(default_factory=list)
    """One per picture: name, group, sha256 and shape, or name and the reason why it was skipped."""
    operators: dict[str, CorrelationOperator] = field(default_factory=dict)
    """`luma group@scale`, `colour …`, `linear …` and `jpeg quality sampling …` → operator."""
    moments: dict[str, Moments] = field(default_factory=dict)
    """View → moments of its classes."""

    def __add__(self, other: "Contribution") -> "Contribution":
        """The contribution of both sets of pictures."""
        return Contribution(
            records=self.records + other.records,
            operators=_merged(self.operators, other.operators),
            moments=_merged(self.moments, other.moments),
        )


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    shared = {name: first[name] + second[name] for name in first if name in second}
    return {**first, **second, **shared}


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """The work of one pass."""

    recipe: Recipe
    step: str
    """"survey" (operators and pooled moments), "seed" (first classes), "round" (expectation), or "split"."""
    pooled: Mapping[str, Array] = field(default_factory=dict)
    """View → covariance of all vectors, for "seed"."""
    mixtures: Mapping[str, GaussianMixture] = field(default_factory=dict)
    """View → mixture, for "round" and "split"."""


def contribution(sources: Sequence[Source], task: Task) -> Contribution:
    """Sum of the contributions of some pictures, in their order.

    The result is bit-identical wherever BLAS has one thread. The vectors of all pictures are held in memory at once.
    """
    _retain_freed_memory()
    total, vectors = Contribution(), defaultdict[str, list[Array]](list)
    for source in sources:
        total = total + _of_picture(source, task, vectors)
    moments = {name: _measure(name, task)(np.concatenate(parts)) for name, parts in vectors.items()}
    return total + Contribution(moments=moments)


def _retain_freed_memory() -> None:
    """Make glibc reuse the memory that one picture frees for the next; no effect with other C libraries.

    After a block of this size has been freed, glibc takes smaller blocks from its heap and returns the end of the heap
    to the system only when it exceeds twice the size. Otherwise the system clears the pages of every picture anew,
    which takes a large part of the time of a fit.
    """
    np.empty(_RETAINED_BYTES, np.uint8)


def _of_picture(source: Source, task: Task, vectors: defaultdict[str, list[Array]]) -> Contribution:
    """Record and operators of a picture; its vectors are appended to `vectors`."""
    try:
        pixels, digest = source.read()
        if task.step == "survey":
            _large_enough(source, pixels, task.recipe)
    except ImageError as error:
        reason = str(error) if source.path is None else str(error).replace(str(source.path), source.name)
        return Contribution(records=[{"name": source.name, "skipped": reason}])
    except MemoryError:
        return Contribution(records=[{"name": source.name, "skipped": f"{source.name}: too large for the memory"}])
    operators = dict(_operators(source, pixels, task.recipe)) if task.step == "survey" else {}
    for name, windows in picture_vectors(pixels, digest, source.jpeg, task.recipe):
        vectors[name].append(windows)
    record = {"name": source.name, "group": source.group, "sha256": digest, "shape": list(pixels.shape)}
    return Contribution(records=[record], operators=operators)


def _large_enough(source: Source, pixels: Array, recipe: Recipe) -> None:
    if min(pixels.shape[:2]) < recipe.size * min(recipe.scales):
        need = recipe.size * min(recipe.scales)
        height, width = pixels.shape[:2]
        raise ImageError(f"{source.name}: must measure at least {need}×{need} pixels, but measures {height}×{width}")


def _measure(name: str, task: Task) -> Any:
    if task.step == "survey":
        return pooled_moments
    if task.step == "seed":
        classes = coarse_classes(task.recipe.mixtures[name])
        return lambda vectors: seeded_moments(
            vectors, task.pooled[name], classes, np.random.default_rng([task.recipe.seed, classes])
        )
    classes = task.recipe.mixtures[name]
    if task.step == "split" and task.mixtures[name].components < classes:
        return lambda vectors: split_moments(
            vectors, task.mixtures[name], classes, np.random.default_rng([task.recipe.seed, classes, 1])
        )
    return Expectation(task.mixtures[name]).moments


def _operators(source: Source, pixels: Array, recipe: Recipe) -> Iterator[tuple[str, CorrelationOperator]]:
    for scale in recipe.scales:
        if min(pixels.shape[:2]) < recipe.size * scale:
            continue
        image = images.box_mean(pixels, scale)
        key = f"{source.group}@{scale}"
        yield f"luma {key}", _operator(rounded_luma(image), recipe)
        if recipe.colour and scale == min(recipe.scales):
            yield f"colour {key}", _operator(np.rint(images.to_ycbcr(image) / PLANE_STEP) * PLANE_STEP, recipe)
        if recipe.linear and source.raw:
            yield f"linear {key}", _operator(_linear_luma(source, scale), recipe)
        if scale == min(recipe.scales) and not source.jpeg:
            for quality, sampling in product(recipe.jpeg_qualities, recipe.jpeg_samplings):
                joint = joint_operator(image, quality=quality, subsampling=sampling)
                yield f"jpeg {quality} {sampling} {key}", joint


def _operator(planes: Array, recipe: Recipe) -> CorrelationOperator:
    """Exact second moments of whole patches of planes in sixteenths; incomplete patches at the edges are left out."""
    size = recipe.size
    if recipe.stride in (0, size):
        rows, columns = planes.shape[0] // size * size, planes.shape[1] // size * size
        return CorrelationOperator.from_planes(planes[:rows, :columns], size=size)
    windows = np.lib.stride_tricks.sliding_window_view(planes - LEVEL_SHIFT, (size, size), axis=(0, 1))
    windows = windows[:: recipe.stride, :: recipe.stride]
    return reduce(add, (CorrelationOperator.from_patches(line.reshape(len(line), -1)) for line in windows))


def _linear_luma(source: Source, scale: int) -> Array:
    """Luma of linear light on the scale of code values, in sixteenths; box means are taken in linear light."""
    light = np.rint(65535.0 * images.load_raw(source.name if source.path is None else source.path).linear)
    image = images.box_mean(light.astype(np.uint16), scale)
    return np.rint(images.luma(image) / PLANE_STEP) * PLANE_STEP


def rounded_luma(image: Array) -> Array:
    """Luma (H, W) rounded to sixteenths of a code value.

    For 8-bit colour 1000 times luma is an integer below 2²⁴, which single precision represents exactly, and no value
    lies halfway between two sixteenths. Single precision therefore gives the same result as double precision for all
    2²⁴ colours, and is faster.
    """
    if image.dtype != np.uint8 or image.ndim == 2:
        return np.rint(images.luma(image) / PLANE_STEP) * PLANE_STEP
    out = np.empty(image.shape[:2], np.float32)
    for first in range(0, len(image), _ROWS):
        strip = image[first : first + _ROWS]
        thousands = strip.reshape(-1, 3).astype(np.float32) @ np.array([299, 587, 114], np.float32)
        sixteenths = np.rint(thousands * np.float32(0.016))
        out[first : first + _ROWS] = sixteenths.reshape(strip.shape[:2]) * np.float32(PLANE_STEP)
    return out


def picture_vectors(pixels: Array, digest: str, jpeg: bool, recipe: Recipe) -> Iterator[tuple[str, Array]]:
    """(view, vectors) of one picture for every mixture and scale, the same in every pass.

    Args:
        pixels: an image array without alpha.
        digest: hexadecimal SHA-256 of the picture; with the recipe's seed it seeds the places of the windows.
        jpeg: whether the pixels come from a JPEG file.
        recipe: parameters of the fit.
    """
    for scale in recipe.mixture_scales(jpeg=jpeg):
        if scale > min(pixels.shape[:2]):
            continue
        image = images.box_mean(pixels, scale)
        planes = {1: partial(images.luma, image), 3: partial(images.to_ycbcr, image)}
        cut: dict[int, Array] = {}
        for number, name in enumerate(sorted(recipe.mixtures)):
            view = View(name)
            if not view.fits(image.shape):
                continue
            if view.planes not in cut:
                cut[view.planes] = planes[view.planes]()
            rng = np.random.default_rng([recipe.seed, int(digest[:16], 16), scale, number])
            places = random_places(view, image.shape, recipe.windows_of(view), rng)
            yield name, view.vectors(cut[view.planes], *places)
