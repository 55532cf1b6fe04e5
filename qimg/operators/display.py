"""HTML view of a correlation operator for notebooks: the matrix, its spectrum and its leading eigenvectors."""

import base64
import io
import math
from typing import TYPE_CHECKING

import numpy as np

from qimg.core import Array
from qimg.operators.information import purity, von_neumann_entropy

if TYPE_CHECKING:
    from qimg.operators.correlation import CorrelationOperator
    from qimg.operators.low_rank.operator import LowRankOperator

_COLD, _MIDDLE, _WARM = np.array([59, 76, 192.0]), np.array([242, 242, 240.0]), np.array([180, 4, 38.0])


def operator_html(operator: "CorrelationOperator") -> str:
    """Count, entropy and purity, a heat map of ρ, the spectrum, and the eight leading eigenvectors."""
    title = f"<b>CorrelationOperator</b> · dimension {operator.dimension} · {operator.count:,} vectors"
    title += f" · weights “{operator.weights}”"
    if not np.trace(operator.matrix).real > 0:
        return f"<div>{title} · all vectors are zero</div>"
    rho = operator.density_matrix()
    numbers = f"entropy {float(von_neumann_entropy(rho)):.3f} bit · purity {float(purity(rho)):.3f}"
    heat = _picture(diverging(rho.real, gamma=0.4), 192, "ρ, row 0 at the top, signed square-root-like scale")
    parts = [heat, _spectrum_svg(operator.spectrum())]
    parts += [
        _picture(diverging(patch), 56, f"eigenvector {k}")
        for k, patch in enumerate(_as_patches(operator.eigenbasis().real))
    ]
    row = "".join(f'<div style="margin-right:8px">{part}</div>' for part in parts)
    return f'<div>{title} · {numbers}<div style="display:flex;flex-wrap:wrap;align-items:flex-end">{row}</div></div>'


def low_rank_html(operator: "LowRankOperator") -> str:
    """Count, discarded weight, the spectrum, and the eight leading eigenvectors."""
    title = f"<b>LowRankOperator</b> · rank {operator.rank} of {operator.dimension} · {operator.count:,} vectors"
    title += f" · weights “{operator.weights}”"
    if not operator.trace > 0:
        return f"<div>{title} · all vectors are zero</div>"
    low, high = operator.discarded_weight_bounds
    numbers = f"discarded weight {operator.discarded_weight:.3g}"
    numbers += f" (estimate, in [{low:.3g}, {high:.3g}])" if operator.discarded_weight_is_estimate else ""
    patches = _as_patches(operator.eigenbasis().real)
    parts = [_spectrum_svg(operator.spectrum())]
    parts += [_picture(diverging(patch), 56, f"eigenvector {k}") for k, patch in enumerate(patches)]
    row = "".join(f'<div style="margin-right:8px">{part}</div>' for part in parts)
    return f'<div>{title} · {numbers}<div style="display:flex;flex-wrap:wrap;align-items:flex-end">{row}</div></div>'


def diverging(values: Array, *, gamma: float = 1.0) -> Array:
    """RGB `uint8` of real values: blue below zero, near-white at zero, red above; the largest modulus saturates."""
    scale = max(float(np.abs(values).max()), 1e-300)
    strength = np.abs(values / scale)[..., None] ** gamma
    target = np.where(values[..., None] < 0, _COLD, _WARM)
    return np.asarray(np.rint(_MIDDLE + (target - _MIDDLE) * strength)).astype(np.uint8)


def _as_patches(basis: Array) -> list[Array]:
    """The first eight columns as square patches, three planes side by side: luma, Cb, Cr; none of another shape."""
    dimension, shown = len(basis), min(8, basis.shape[1])
    side = math.isqrt(dimension)
    if side * side != dimension:
        side = math.isqrt(dimension // 3)
        if 3 * side * side != dimension:
            return []
        return [np.hstack(list(basis[:, k].reshape(3, side, side))) for k in range(shown)]
    return [basis[:, k].reshape(side, side) for k in range(shown)]


def _picture(rgb: Array, height: int, label: str) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="{label}" title="{label}" src="data:image/png;base64,{data}" '
        f'style="height:{height}px;image-rendering:pixelated">'
    )


def _spectrum_svg(spectrum: Array) -> str:
    leading = spectrum[:64]
    floor = -6.0
    heights = (np.log10(np.maximum(leading, 10.0**floor)) - floor) / -floor * 180
    bars = "".join(
        f'<rect x="{4 * k}" y="{184 - h:.1f}" width="3" height="{h + 4:.1f}" fill="#4c72b0"/>'
        for k, h in enumerate(heights)
    )
    label = "spectrum of ρ, logarithmic from 1e-6 to 1, first 64 eigenvalues"
    return (
        f'<svg width="{4 * len(leading)}" height="192" role="img" aria-label="{label}">'
        f"<title>{label}</title>{bars}</svg>"
    )
