"""From a JPEG file back to the picture: `restore`."""

import importlib
import os
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from qimg import images
from qimg.core.arguments import Array, fraction, integer, one_of, require
from qimg.core.progress import Track
from qimg.images.jpeg.coefficients import MAX_PIXELS, Component, DamagedJpegWarning, JpegFile, read_jpeg
from qimg.images.jpeg.upsampling import upsampled, upsampled_rows
from qimg.restoration.jpeg.estimator import Estimator, as_decoded, in_strips
from qimg.restoration.jpeg.explicit import Explicit
from qimg.restoration.jpeg.fallback import left_alone
from qimg.restoration.jpeg.model import Model, load
from qimg.restoration.jpeg.natural.draws import consistent, draw

if TYPE_CHECKING:
    from qimg.restoration.jpeg.network import Learned

METHODS = ("explicit", "network")
"""How a file can be restored."""
TUNES = ("psnr", "natural")
"""What for: the conditional mean, or a draw."""
EFFORT = 5
"""Stages of the explicit estimator that comes with qimg."""
_ROWS = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class Restored:
    """A restored picture and what is known of it."""

    image: Array
    """`uint8` (H, W) or (H, W, 3), upright."""
    deviation: Array
    """(H, W) float32 standard deviation of luma (of gray pictures: of the pixels) given the file, in code values."""
    missing: float
    """Share of the blocks of luma for which a damaged file holds nothing."""
    complaints: tuple[str, ...]
    """What libjpeg said about damage; none of a sound file."""
    equal_coefficients: float
    """Share of the file's coefficients that compressing the image with the file's tables gives again; NaN of a mean."""
    left_alone: float
    """Share of the samples of all components that are as decoded, because nothing better is known of them."""
    widths: tuple[tuple[float, float], ...]
    """Probabilities, and the deviations on either side of the estimate within which the truth lies with each."""

    def half_width(self, probability: float) -> Array:
        """(H, W) code values on either side of luma within which the truth lies with a probability, 0.5 to 0.99.

        Measured on held-out pictures: errors have longer tails than a normal law. Half a code value comes on top for
        pixels that are rounded to bytes.
        """
        fraction("probability", probability)
        levels, numbers = zip(*self.widths, strict=True)
        require(
            levels[0] <= probability <= levels[-1],
            "probability",
            f"must be in [{levels[0]}, {levels[-1]}]",
            probability,
        )
        return np.asarray(np.float32(np.interp(probability, levels, numbers)) * self.deviation)


def restore(
    source: str | os.PathLike[str] | bytes,
    *,
    method: str = "explicit",
    tune: str = "psnr",
    effort: int | None = None,
    rng: np.random.Generator | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: "Model | Learned | None" = None,
    track: Track = iter,
) -> Array:
    """The picture behind a JPEG file: luma and chroma estimated from its coefficients, inside its quantization cells.

    Any tables, any sampling, gray or colour, baseline or progressive; EXIF orientation is applied, as `qimg.load` does.

    Args:
        source: path of a JPEG file, or its content.
        method: "explicit", linear algebra alone, or "network", which is better and needs PyTorch (`pip install
            'qimg[learned]'`).
        tune: "psnr" gives the conditional mean; "natural" draws from the conditional distribution, which looks less
            smooth at a lower PSNR, and gives the file's coefficients again when it is compressed with its tables.
        effort: stages of the explicit estimator, 0 (fastest) to all; of networks, 1 (fast) or 2. The highest when left
            out.
        rng: draws, for "natural" alone; seeded with 0 when left out.
        max_pixels: larger pictures are refused before memory is taken for them; None takes all.
        model: an explicit estimator or a network of yours (`qimg.restoration.load`,
            `qimg.restoration.jpeg.network.load`); what comes with qimg when left out.
        track: wraps the list of strips of each component, for a progress bar.

    Returns:
        `uint8` (H, W) or (H, W, 3).

    Raises:
        ImageError: no JPEG file that can be read; see `qimg.restoration.read_jpeg`.
        ModuleNotFoundError: a network is asked for and PyTorch is not installed.

    Warns:
        DamagedJpegWarning: the file is cut or corrupt; what it holds is restored.
    """
    restored = restore_picture(
        source, method=method, tune=tune, effort=effort, rng=rng, max_pixels=max_pixels, model=model, track=track
    )
    if restored.complaints:
        name = "the JPEG file" if isinstance(source, bytes) else os.fspath(source)
        lost = f"{100 * restored.missing:.3g} % of its blocks are missing" if restored.missing else "parts may be wrong"
        warnings.warn(
            f"{name}: is damaged ({'; '.join(restored.complaints)}): {lost}", DamagedJpegWarning, stacklevel=2
        )
    return restored.image


def restore_picture(
    source: str | os.PathLike[str] | bytes,
    *,
    method: str = "explicit",
    tune: str = "psnr",
    effort: int | None = None,
    rng: np.random.Generator | None = None,
    max_pixels: int | None = MAX_PIXELS,
    model: "Model | Learned | None" = None,
    track: Track = iter,
) -> Restored:
    """As `restore`, with the standard deviation of every pixel and what is known about damage; does not warn."""
    one_of("method", method, METHODS)
    one_of("tune", tune, TUNES)
    require(rng is None or tune == "natural", "rng", "has no effect on the mean and must be left out", rng)
    estimator = _estimator(method, effort, model)
    file = read_jpeg(source, max_pixels=max_pixels)
    first = file.components[0]
    alone = [left_alone(component) for component in file.components]
    estimates = [
        as_decoded(component) if left else in_strips(estimator, component.coefficients, component.table, track=track)
        for component, left in zip(file.components, alone, strict=True)
    ]
    samples = [component.shape[0] * component.shape[1] for component in file.components]
    planes = [estimate.values for estimate in estimates]
    equal = float("nan")
    if tune == "natural":
        generator = np.random.default_rng(0) if rng is None else rng
        shapes = estimator.calibration.shapes
        planes = [
            draw(component, estimate, shapes, generator)
            for component, estimate in zip(file.components, estimates, strict=True)
        ]
        image, equal = consistent(file, planes, lambda some: _pixels(file, some))
    else:
        image = _pixels(file, planes)
    rows, columns = first.shape
    deviation = upsampled(np.sqrt(estimates[0].variance[:rows, :columns]), first.vertical, first.horizontal, file.shape)
    return Restored(
        image=images.upright(image, file.orientation),
        deviation=images.upright(deviation, file.orientation),
        missing=_missing(first) if file.complaints else 0.0,
        complaints=file.complaints,
        equal_coefficients=equal,
        left_alone=sum(size for size, left in zip(samples, alone, strict=True) if left) / sum(samples),
        widths=estimator.calibration.widths(first.table),
    )


def _estimator(method: str, effort: int | None, model: "Model | Learned | None") -> Estimator:
    """What a method at an effort stands for."""
    if method == "network":
        if isinstance(model, Model):
            raise ValueError(f"model must be a network for this method, but model={model!r}")
        if model is not None:
            require(effort is None, "effort", "has no effect on a network of yours and must be left out", effort)
            return model
        shipped: Estimator = learned().load(effort=effort)
        return shipped
    known = load() if model is None else model
    if not isinstance(known, Model):
        raise ValueError(f"model must be an explicit estimator for this method, but model={model!r}")
    stages = len(known.cascade.stages)
    return Explicit(known, stages if effort is None else integer("effort", effort, 0, stages))


def learned() -> ModuleType:
    """`qimg.restoration.jpeg.network`, which needs PyTorch.

    Raises:
        ModuleNotFoundError: PyTorch is not installed.
    """
    try:
        return importlib.import_module("qimg.restoration.jpeg.network")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError("method 'network' needs PyTorch: pip install 'qimg[learned]'") from None


def _pixels(file: JpegFile, planes: list[Array]) -> Array:
    """`uint8` pixels, not turned, from planes (8R, 8C) of the components, a few rows at a time."""
    height, width = file.shape
    out = np.empty((height, width, len(planes)), np.uint8)
    for first in range(0, height, _ROWS):
        last = min(first + _ROWS, height)
        parts = [
            upsampled_rows(plane[: component.shape[0], : component.shape[1]], component, first, last, width)
            for plane, component in zip(planes, file.components, strict=True)
        ]
        values = np.stack(parts, axis=2)
        out[first:last] = images.to_uint8(values if file.is_rgb or len(planes) == 1 else images.ycbcr_to_rgb(values))
    return out[..., 0] if len(planes) == 1 else out


def _missing(component: Component) -> float:
    """Share of the blocks at the end that hold nothing: what a decoder leaves of a file that was cut."""
    empty = ~component.coefficients.any(axis=(2, 3)).ravel()
    held = np.flatnonzero(~empty)
    return float(1 - (held[-1] + 1) / empty.size) if len(held) else 1.0
