"""Degradations and restoration methods of the experiment `degradations`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from qimg import restoration
from qimg.core import Array

MARGIN = 4
"""Pixels along every side that are left out after blur and low resolution, where data beyond the edge are missing."""

OURS, NOTHING = "qimg", "nothing done"

_BLUR_NOISE = np.sqrt(2.0)
_TEXT = "The statistics of natural pictures are an operator. "


@dataclass(frozen=True, eq=False, kw_only=True)
class Degraded:
    """A degraded plane, and the further inputs of a method."""

    plane: Array
    sigma: float = 0.0
    missing: Array | None = None
    kernel: Array | None = None
    margin: int = 0


Method = Callable[[Degraded], restoration.PlaneEstimate | Array]
Methods: TypeAlias = Mapping[str, Mapping[str, Method]]
"""Methods by name and setting."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """A degradation, and the settings of each method."""

    degrade: Callable[[Array, np.random.Generator], Degraded]
    methods: Methods


def tasks(sigmas: tuple[float, ...]) -> dict[str, Task]:
    """Tasks by name: noise of every deviation, missing pixels, two blurs and half the resolution."""
    found = {f"noise {sigma:g}": Task(degrade=_noise(sigma), methods=_denoisers()) for sigma in sigmas}
    for name, degrade in (("half missing", _half_missing), ("text over it", _text)):
        found[name] = Task(degrade=degrade, methods=_INPAINTERS)
    for name, kernel in (("Gaussian blur", _gaussian(1.6, 9)), ("box blur", np.full((9, 9), 1 / 81))):
        found[name] = Task(degrade=_blur(kernel), methods=_deblurrers())
    found["half size"] = Task(degrade=_half_size, methods=_ENLARGERS)
    return found


def task_of_pair(degraded: Array, original: Array) -> tuple[str, Degraded, Methods]:
    """Name, inputs and methods of the task of a plane and its original of the same or of twice the size."""
    if degraded.shape != original.shape:
        return "pairs, half size", Degraded(plane=degraded, margin=MARGIN), _ENLARGERS
    sigma = float(np.sqrt(np.square(degraded - original).mean()))
    # The least deviation keeps the methods defined for a picture that is not degraded.
    return "pairs, noise", Degraded(plane=degraded, sigma=max(sigma, 0.1)), _denoisers()


def _noise(sigma: float) -> Callable[[Array, np.random.Generator], Degraded]:
    return lambda plane, rng: Degraded(plane=plane + rng.normal(0, sigma, plane.shape), sigma=sigma)


def _half_missing(plane: Array, rng: np.random.Generator) -> Degraded:
    return _without(plane, rng.random(plane.shape) < 0.5)


def _text(plane: Array, rng: np.random.Generator) -> Degraded:
    """Lines of text in Pillow's default font, about an eighth of the pixels."""
    board = Image.new("L", plane.shape[::-1])
    draw = ImageDraw.Draw(board)
    line = _TEXT * (1 + plane.shape[1] // (4 * len(_TEXT)))
    for row in range(2, plane.shape[0], 20):
        draw.text((2 - row % 40, row), line, fill=255, font=ImageFont.load_default(15))
    return _without(plane, np.asarray(board) > 127)


def _without(plane: Array, missing: Array) -> Degraded:
    missing = missing.copy()
    missing[0, 0] = False  # even the smallest picture keeps one pixel
    return Degraded(plane=np.where(missing, plane[~missing].mean(), plane), missing=missing)


def _blur(kernel: Array) -> Callable[[Array, np.random.Generator], Degraded]:
    def degrade(plane: Array, rng: np.random.Generator) -> Degraded:
        from scipy.ndimage import convolve

        blurred = convolve(plane, kernel, mode="mirror") + rng.normal(0, _BLUR_NOISE, plane.shape)
        return Degraded(plane=blurred, sigma=_BLUR_NOISE, kernel=kernel, margin=MARGIN)

    return degrade


def _half_size(plane: Array, rng: np.random.Generator) -> Degraded:
    height, width = plane.shape
    means = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return Degraded(plane=np.rint(means), margin=MARGIN)


def _gaussian(deviation: float, side: int) -> Array:
    line = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * deviation**2))
    square = np.outer(line, line)
    return square / square.sum()


def _denoisers() -> dict[str, dict[str, Method]]:
    from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

    def ours(effort: int) -> Method:
        return lambda degraded: restoration.denoise_plane(degraded.plane, sigma=degraded.sigma, effort=effort)

    def means(strength: float) -> Method:
        return lambda degraded: denoise_nl_means(
            degraded.plane,
            patch_size=5,
            patch_distance=6,
            h=strength * degraded.sigma,
            sigma=degraded.sigma,
            fast_mode=True,
        )

    def variation(strength: float) -> Method:
        return lambda degraded: denoise_tv_chambolle(degraded.plane, weight=strength * degraded.sigma)

    def wavelet(method: str, share: float) -> Method:
        return lambda degraded: denoise_wavelet(degraded.plane, sigma=share * degraded.sigma, method=method)

    methods = {
        OURS: {f"effort {effort}": ours(effort) for effort in (1, 5, 9)},
        "non-local means": {f"h {strength} σ": means(strength) for strength in (0.4, 0.6, 0.8, 1.0)},
        "total variation": {f"weight {strength} σ": variation(strength) for strength in (0.6, 0.8, 1.0, 1.2)},
    }
    if find_spec("pywt"):  # scikit-image needs it for wavelets
        methods["wavelet"] = {
            "BayesShrink": wavelet("BayesShrink", 1.0),
            "VisuShrink": wavelet("VisuShrink", 1.0),
            "VisuShrink σ/2": wavelet("VisuShrink", 0.5),
            "VisuShrink σ/4": wavelet("VisuShrink", 0.25),
        }
    return methods


def _biharmonic(degraded: Degraded) -> Array:
    from skimage.restoration import inpaint_biharmonic

    return inpaint_biharmonic(degraded.plane, degraded.missing)


_INPAINTERS: dict[str, dict[str, Method]] = {
    OURS: {"3 rounds": lambda degraded: restoration.inpaint_plane(degraded.plane, _required(degraded.missing))},
    "biharmonic": {"": _biharmonic},
}


def _deblurrers() -> dict[str, dict[str, Method]]:
    from skimage.restoration import richardson_lucy, unsupervised_wiener, wiener

    def mirrored(restore: Callable[[Array, Array], Array]) -> Method:
        """Apply a filter to the plane and its mirror images, which are exactly a blur on a torus, as it assumes."""

        def method(degraded: Degraded) -> Array:
            height, width = degraded.plane.shape
            torus = np.pad(degraded.plane / 255, [(0, height - 2), (0, width - 2)], mode="reflect")
            return 255 * restore(torus, _required(degraded.kernel))[:height, :width]

        return method

    def filtered(balance: float) -> Method:
        return mirrored(lambda torus, kernel: wiener(torus, kernel, balance, clip=False))

    def iterated(count: int) -> Method:
        """Apply the method to the plane in a frame of its mirror image; beyond the frame are zeros."""

        def method(degraded: Degraded) -> Array:
            kernel = _required(degraded.kernel)
            frame = min(2 * len(kernel), min(degraded.plane.shape) - 1)
            wide = np.pad(np.clip(degraded.plane / 255, 0, None), frame, mode="reflect")
            return 255 * richardson_lucy(wide, kernel, num_iter=count, clip=False)[frame:-frame, frame:-frame]

        return method

    return {
        OURS: {
            "12 rounds": lambda degraded: restoration.deblur_plane(
                degraded.plane, _required(degraded.kernel), sigma=degraded.sigma
            ),
        },
        "Wiener": {f"balance {balance}": filtered(balance) for balance in (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1)},
        "unsupervised Wiener": {
            "": mirrored(lambda torus, kernel: unsupervised_wiener(torus, kernel, clip=False, rng=0)[0])
        },
        "Richardson–Lucy": {f"{count} iterations": iterated(count) for count in (5, 10, 20, 30, 60, 120, 240)},
    }


def _required(array: Array | None) -> Array:
    assert array is not None
    return array


def _resized(filter_: Image.Resampling) -> Method:
    def method(degraded: Degraded) -> Array:
        height, width = degraded.plane.shape
        small = Image.fromarray(degraded.plane.astype(np.float32))
        return np.asarray(small.resize((2 * width, 2 * height), filter_), np.float64)

    return method


def _spline(degraded: Degraded) -> Array:
    from skimage.transform import resize

    return resize(degraded.plane, [2 * length for length in degraded.plane.shape], order=3, mode="symmetric")


_ENLARGERS: dict[str, dict[str, Method]] = {
    OURS: {"": lambda degraded: restoration.upscale_plane(degraded.plane)},
    "bicubic": {"Pillow": _resized(Image.Resampling.BICUBIC), "scikit-image": _spline},
    "Lanczos": {"Pillow": _resized(Image.Resampling.LANCZOS)},
}
