"""Pictures at the stages before JPEG, linear light, 16 and 8 bits, and how far their operators are apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments._run import Array, Picture
from qimg import images, metrics
from qimg.operators import CorrelationOperator, von_neumann_entropy
from qimg.transforms import ac_block

LINEAR, DEEP, WHOLE = "linear", "rendered 16 bit", "rendered 8 bit"
NO_CAMERA = "no RAW file"


@dataclass(frozen=True, kw_only=True, eq=False)
class Developed:
    """One picture before JPEG."""

    camera: str
    linear: Array | None
    """`uint16`, linear light times 65535; None where the file is no RAW file."""
    rendered: Array
    """`uint8` or `uint16`, as deep as the file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stages:
    """What is kept of a picture: its camera and its operators at the stages before JPEG."""

    camera: str
    operators: dict[str, CorrelationOperator]

    @property
    def reference(self) -> CorrelationOperator:
        """The operator of the rendered picture at full depth."""
        return self.operators[DEEP if DEEP in self.operators else WHOLE]


def developed_picture(picture: Picture) -> Developed:
    """A RAW file's two planes, downscaled by the picture's box mean; any other file as it is."""
    if picture.path is None or picture.path.suffix.lower() not in images.RAW_SUFFIXES:
        return Developed(camera=NO_CAMERA, linear=None, rendered=picture.image())
    raw = images.load_raw(picture.path)
    linear = np.rint(raw.linear * 65535).astype(np.uint16)
    factor = min(picture.box_mean, *linear.shape[:2])
    rendered = images.box_mean(raw.rendered, factor)
    return Developed(camera=raw.camera, linear=images.box_mean(linear, factor), rendered=rendered)


def stages_of(developed: Developed) -> Stages:
    """The 192-dimensional Y'CbCr operators of a picture: linear light and 16 bits only where the file has them."""
    pictures: dict[str, Array] = {}
    if developed.linear is not None:
        pictures[LINEAR] = developed.linear
    if developed.rendered.dtype == np.uint16:
        pictures[DEEP] = developed.rendered
    pictures[WHOLE] = whole(developed.rendered)
    operators = {stage: CorrelationOperator.from_planes(images.to_ycbcr(image)) for stage, image in pictures.items()}
    return Stages(camera=developed.camera, operators=operators)


def whole(image: Array) -> Array:
    """A picture in 8 bits, as a JPEG encoder is given it."""
    return images.to_uint8(images.code_values(image))


def compared(operator: CorrelationOperator, reference: CorrelationOperator) -> dict[str, Any]:
    """Entropies of an operator, and its distances to another; NaN where there is no energy."""
    (rho, ac), (other, other_ac) = ((_density(one), _luma_ac(one)) for one in (operator, reference))
    return {
        "patches": operator.count,
        "entropy_bits": _entropy(rho),
        "luma_ac_entropy_bits": _entropy(ac),
        "trace_distance": _between(metrics.trace_distance, rho, other),
        "luma_ac_trace_distance": _between(metrics.trace_distance, ac, other_ac),
        "fidelity": _between(metrics.fidelity, rho, other),
    }


def _between(measure: Callable[[Array, Array], Array], rho: Array | None, other: Array | None) -> float:
    return float("nan") if rho is None or other is None else float(measure(rho, other))


def _density(operator: CorrelationOperator) -> Array | None:
    return _normalised(operator.matrix, operator.count)


def _luma_ac(operator: CorrelationOperator) -> Array | None:
    """The density matrix of luma's 63 AC coefficients, the leading 64 components being luma."""
    luma = operator.matrix[:64, :64]
    block = ac_block(luma)
    # What the rounding of a constant leaves is no texture.
    flat = np.trace(block) <= 1e-12 * np.trace(luma)
    return None if flat else _normalised(block, operator.count)


def _normalised(moments: Array, count: int) -> Array | None:
    """M / tr M; None without energy: one pixel in 16 bits has 1e-5, the rounding of a picture without any 1e-26."""
    trace = float(np.trace(moments))
    return moments / trace if trace > 1e-20 * count else None


def _entropy(rho: Array | None) -> float:
    return float("nan") if rho is None else float(von_neumann_entropy(rho))
