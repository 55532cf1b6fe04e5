"""The function `restore`, from a JPEG file to a picture."""

import importlib
import os
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from qimg import images
from qimg.core import Track, arguments
from qimg.core.arguments import EFFORT, Array, fraction, one_of, require
from qimg.core.records import short_repr
from qimg.images.jpeg.coefficients import DamagedJpegWarning, JpegFile, read_jpeg
from qimg.images.jpeg.tables import quality_estimate
from qimg.images.jpeg.upsampling import upsampled, upsampled_rows
from qimg.images.limits import MAX_PIXELS
from qimg.restoration.jpeg.estimator import Estimator, Explicit, as_decoded, estimated
from qimg.restoration.jpeg.fallback import best_as_decoded
from qimg.restoration.jpeg.model import Model, load
from qimg.restoration.jpeg.natural.draws import WIDTHS, consistent, draw

if TYPE_CHECKING:
    from qimg.restoration.jpeg.network import Learned

METHODS = ("explicit", "network")
"""Methods of restoration."""
TUNES = ("psnr", "natural")
"""Aims of restoration: the conditional mean, or a draw from the conditional distribution."""
_ROWS = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class RestoreOptions:
    """Settings of the restoration: the keywords of `restore`, `restore_picture` and `restore_file`."""

    method: str = "explicit"
    """One of `METHODS`: "explicit", linear algebra alone, or "network", which is more accurate and needs PyTorch."""
    tune: str = "psnr"
    """One of `TUNES`: "psnr", the conditional mean, or "natural", a draw from the conditional distribution."""
    effort: int | None = None
    """1 to 9, 5 by default; see `restore`. An error if `model` is a network."""
    rng: np.random.Generator | None = None
    """Source of randomness for "natural"; seeded with 0 when left out. An error for "psnr"."""
    max_pixels: int | None = MAX_PIXELS
    """Larger pictures are rejected before memory is allocated for them; None for no limit."""
    strict: bool = False
    """Reject damaged files."""
    model: "Model | Learned | None" = None
    """An explicit estimator or a network; the shipped one when left out."""
    track: Track = iter
    """Wraps the list of strips of each component, for a progress bar."""

    def __post_init__(self) -> None:
        one_of("method", self.method, METHODS)
        one_of("tune", self.tune, TUNES)
        unused = self.rng is None or self.tune == "natural"
        require(unused, "rng", "has no effect on the mean and must be left out", self.rng)

    def estimator(self) -> Estimator:
        """The estimator of the method at the effort."""
        effort = EFFORT if self.effort is None else arguments.effort(self.effort)
        if self.method == "network":
            if isinstance(self.model, Model):
                raise ValueError(f"model must be a network for this method, but model={self.model!r}")
            if self.model is None:
                return learned().load(effort=effort)
            rule = "has no effect with a network as model and must be left out"
            require(self.effort is None, "effort", rule, self.effort)
            return self.model
        model = load() if self.model is None else self.model
        if not isinstance(model, Model):
            raise ValueError(f"model must be an explicit estimator for this method, but model={model!r}")
        stages = len(model.cascade.stages)
        return Explicit(model, stages if self.effort is None else min(effort, stages))


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Restored:
    """A restored picture, its expected error, and the damage of its file."""

    image: Array
    """`uint8` (H, W) or (H, W, 3), upright."""
    deviation: Array
    """(H, W) float32 root mean square error of luma (of gray pictures: of the pixels) given the file, in code values.

    For "natural", about the draw. NaN where nothing is known: in blocks that a damaged file lacks or may hold wrongly,
    where the picture is left as decoded, and for tables unlike those of the calibration."""
    missing: float
    """Share of the blocks of luma that are missing in a damaged file."""
    decoder_warnings: tuple[str, ...]
    """Descriptions of damage; empty for an intact file."""
    equal_coefficients: float
    """Share of the file's coefficients that compression of the image with its tables reproduces; NaN for "psnr"."""
    decoded_share: float
    """Share of the samples of all components that are left as decoded, because no better estimate exists."""
    quality_estimate: int
    """Quality of libjpeg, 1 to 100, whose table is nearest to that of luma."""
    widths: tuple[tuple[float, float], ...]
    """Pairs of a probability and the half width, in deviations, of the interval that holds the truth with it."""

    @property
    def rms_deviation(self) -> float:
        """Expected root mean square error over the pixels whose deviation is known; NaN if none is."""
        squares = np.square(self.deviation[np.isfinite(self.deviation)], dtype=np.float64)
        return float(np.sqrt(squares.mean())) if squares.size else float("nan")

    def half_width(self, probability: float) -> Array:
        """(H, W) half width, in code values, of the interval that holds the true luma with a probability, 0.5 to 0.99.

        Quantiles are measured on held-out pictures, because errors have longer tails than a normal law. For pixels
        rounded to bytes, half a code value has to be added.
        """
        fraction("probability", probability)
        levels, numbers = zip(*self.widths, strict=True)
        rule = f"must be in [{levels[0]}, {levels[-1]}]"
        require(levels[0] <= probability <= levels[-1], "probability", rule, probability)
        return np.asarray(np.float32(np.interp(probability, levels, numbers)) * self.deviation)


def restore(
    source: str | os.PathLike[str] | bytes,
    *,
    method: str = "explicit",
    tune: str = "psnr",
    effort: int | None = None,
    rng: np.random.Generator | None = None,
    max_pixels: int | None = MAX_PIXELS,
    strict: bool = False,
    model: "Model | Learned | None" = None,
    track: Track = iter,
) -> Array:
    """Restore a JPEG file: luma and chroma estimated from its coefficients, inside its quantization bins.

    All tables and samplings, gray and colour, baseline and progressive files are supported; EXIF orientation is applied
    as in `qimg.load`.

    Args:
        source: path of a JPEG file, or its content.
        method: "explicit", linear algebra alone, or "network", which is more accurate and needs PyTorch (`pip install
            'qimg[learned]'`).
        tune: "psnr": the conditional mean, highest expected PSNR. "natural": a draw from the conditional distribution,
            which is less smooth at a lower PSNR and reproduces the file's coefficients when compressed with its tables.
        effort: 1 to 9, 5 when left out. Explicit: the number of stages, all five from 5 on; when left out, all stages
            of `model`. Network: the small one from 1, the large one from 5; an error if `model` is a network.
        rng: source of randomness for "natural"; seeded with 0 when left out.
        max_pixels: larger pictures are rejected before memory is allocated for them; None for no limit.
        strict: reject damaged files instead of restoring what they hold.
        model: an explicit estimator (`qimg.restoration.load`) or a network (`qimg.restoration.jpeg.network.load`); the
            shipped one when left out.
        track: wraps the list of strips of each component, for a progress bar.

    Returns:
        `uint8` (H, W) or (H, W, 3).

    Raises:
        ImageError: not a readable JPEG file (see `qimg.images.jpeg.read_jpeg`), or a damaged one and `strict`.
        ModuleNotFoundError: the method is "network" and PyTorch is not installed.

    Warns:
        DamagedJpegWarning: the file is truncated or corrupt; the decodable part is restored.
    """
    restored = restore_picture(
        source, method=method, tune=tune, effort=effort, rng=rng, max_pixels=max_pixels, strict=strict, model=model,
        track=track,
    )  # fmt: skip
    if restored.decoder_warnings:
        lost = f"{100 * restored.missing:.3g} % of its blocks are missing" if restored.missing else "parts may be wrong"
        warnings.warn(f"{_damage(source, restored.decoder_warnings)}: {lost}", DamagedJpegWarning, stacklevel=2)
    return restored.image


def restore_picture(source: str | os.PathLike[str] | bytes, **keywords: Any) -> Restored:
    """`restore` with the standard deviation of every pixel and a report of damage instead of a warning.

    Args:
        source: path of a JPEG file, or its content.
        keywords: the fields of `RestoreOptions`.
    """
    options = RestoreOptions(**keywords)
    estimator = options.estimator()
    file = read_jpeg(source, max_pixels=options.max_pixels)
    if options.strict and file.decoder_warnings:
        raise images.ImageError(_damage(source, file.decoder_warnings))
    first = file.components[0]
    decoded = [best_as_decoded(component) for component in file.components]
    estimates = [
        as_decoded(component) if keep else estimated(estimator, component, track=options.track)
        for component, keep in zip(file.components, decoded, strict=True)
    ]
    if options.tune == "natural":
        rng = np.random.default_rng(0) if options.rng is None else options.rng
        planes = [
            draw(component, estimate, estimator.calibration.shapes, rng)
            for component, estimate in zip(file.components, estimates, strict=True)
        ]
        image, equal = consistent(file, planes, lambda some: _pixels(file, some))
    else:
        image, equal = _pixels(file, [estimate.values for estimate in estimates]), float("nan")
    rows, columns = first.shape
    variance = estimates[0].variance
    if options.tune == "natural":  # the mean squared error about a draw, whose distance from the mean is known
        variance = variance + np.square(planes[0] - estimates[0].values)
    deviation = upsampled(np.sqrt(variance[:rows, :columns]), first.vertical, first.horizontal, file.shape)
    samples = [component.shape[0] * component.shape[1] for component in file.components]
    return Restored(
        image=images.upright(image, file.orientation),
        deviation=images.upright(deviation, file.orientation),
        missing=float(first.missing.mean()),
        decoder_warnings=file.decoder_warnings,
        equal_coefficients=equal,
        decoded_share=sum(size for size, keep in zip(samples, decoded, strict=True) if keep) / sum(samples),
        quality_estimate=quality_estimate(first.table),
        widths=WIDTHS if options.tune == "natural" else estimator.calibration.widths(first.table),
    )


def _damage(source: str | os.PathLike[str] | bytes, descriptions: tuple[str, ...]) -> str:
    name = "the JPEG file" if isinstance(source, bytes) else os.fspath(source)
    return f"{name}: is damaged ({'; '.join(descriptions)})"


def learned() -> ModuleType:
    """The module `qimg.restoration.jpeg.network`, which needs PyTorch.

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
    """`uint8` pixels, not rotated, from planes (8R, 8C) of the components, a few rows at a time."""
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
