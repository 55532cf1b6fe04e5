"""Second moments of a picture's luma before and after the codec, and their models by channels in several bases."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from experiments._run import Array
from experiments.operators.quantized_states import Sample, ac_coefficients, added_fields
from qimg.channels import QuantizationChannel, QuantizerMarginals, channel_from_marginals
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.inspection.stages import Inspection, block_stages, inspect
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.geometry import SUPERBLOCK
from qimg.transforms import unitary

UNFILTERED, DECODED = "before the filter", "decoded"
STAGES = (UNFILTERED, DECODED)
OF_STEP, ALPHA, GAINS, POPULATIONS = (
    "DCT, α of the step",
    "DCT, α measured",
    "DCT, gains and populations",
    "DCT, populations only",
)
WHITE = "white noise"
MEASURED, EXPECTED = "classes, α measured", "classes, α of the tables"

_PATCH = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class CodedMoments:
    """Sums over the AC coefficients of the 8×8 patches of coded pictures; sums of several pictures add."""

    raw: Array
    """(63, 63) Σ c cᵀ."""
    true: dict[str, Array]
    """By stage: (63, 63) Σ y yᵀ."""
    crossed: dict[str, Array]
    """By stage: (63,) Σ c_k y_k."""
    marginals: QuantizerMarginals
    """Of the raw coefficients under the codec's step."""
    classes: dict[str, Array]
    """By model: (63, 63) predictions of channels in the class eigenbases, see `class_moments`."""
    bytes: int
    pixels: int
    squared_error: float
    """Of decoded pixels."""

    def __add__(self, other: "CodedMoments") -> "CodedMoments":
        """The moments of both sets of pictures together."""
        return CodedMoments(**added_fields(self, other))

    def distortion(self, stage: str) -> Array:
        """(63,) Σ (c_k − y_k)²."""
        return np.diagonal(self.raw) - 2 * self.crossed[stage] + np.diagonal(self.true[stage])


def coded_moments(one: Sample, *, step: float) -> CodedMoments:
    """Code one picture's luma and sum its moments before and after.

    The luma is cropped at the right and lower edges to whole superblocks of 32, or extended by its edge samples where
    it is smaller, so that every patch lies in one block or consists of whole blocks.

    Args:
        one: the picture.
        step: of luma, in code values.
    """
    luma = _whole(one.luma)
    inspection = inspect(luma, Parameters(round(64 * step)))
    decoded = {}
    for stage, samples in ((UNFILTERED, inspection.decoded), (DECODED, inspection.filtered)):
        decoded[stage] = np.empty_like(luma)
        colour.to_pixels(samples, decoded[stage])
    raw = ac_coefficients(luma)
    rebuilt = {stage: ac_coefficients(pixels) for stage, pixels in decoded.items()}
    return CodedMoments(
        raw=raw.T @ raw,
        true={stage: y.T @ y for stage, y in rebuilt.items()},
        crossed={stage: (raw * y).sum(axis=0) for stage, y in rebuilt.items()},
        marginals=QuantizerMarginals.measure(raw, np.full(63, float(step))),
        classes=class_moments(inspection),
        bytes=len(inspection.payload),
        pixels=luma.size,
        squared_error=float(((luma.astype(float) - decoded[DECODED]) ** 2).sum()),
    )


def class_moments(inspection: Inspection) -> dict[str, Array]:
    """(63, 63) second moments, in the DCT, after a damping–dephasing channel for each class in its own eigenbasis.

    K₀ = diag(α) damps the coefficients c of every residual: its second moments are those of the picture whose blocks
    are prediction + Bᵀ (α ∘ c), predictions as decoded. The dephasing Kraus operators add
    Bᵀ diag(α_k (1 − α_k) Σ c_k²) B. The remaining energy is erased, and so is the part of blocks of 32 outside their
    basis. α is measured on the blocks of the class in this picture, 1 − Σ (c_k − ĉ_k)² / Σ c_k², or it is that of a
    uniform quantizer with centroids on Laplace distributions with the scales of the tables, which depends on the
    picture only through its classes.
    """
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, block in enumerate(inspection.blocks):
        groups[block.side, block.label, block.row % _PATCH, block.column % _PATCH].append(number)
    damped = {name: np.zeros((inspection.height, inspection.width)) for name in (MEASURED, EXPECTED)}
    noise = {name: np.zeros((_PATCH**2, _PATCH**2)) for name in damped}
    for (side, _, row, column), numbers in groups.items():
        stages = [block_stages(inspection, number) for number in numbers]
        basis, scales, step = stages[0].basis, stages[0].scales, stages[0].step
        coefficients = np.stack([one.coefficients for one in stages])
        errors = coefficients - np.stack([one.dequantized for one in stages])
        energy = (coefficients**2).sum(axis=0)
        for name, gains in (
            (MEASURED, gains_of((errors**2).sum(axis=0), energy)),
            (EXPECTED, laplace_gains(scales, step)),
        ):
            for one, residual in zip(stages, (gains * coefficients) @ basis, strict=True):
                y, x = one.block.row, one.block.column
                damped[name][y : y + side, x : x + side] = one.prediction + residual.reshape(side, side)
            added = (basis.T * (gains * (1 - gains) * energy)) @ basis
            noise[name] += within_patches(added, side, row, column)
    dct = unitary("dct_2d", _PATCH**2)
    result = {}
    for name, plane in damped.items():
        c = ac_coefficients(plane)
        result[name] = c.T @ c + (dct @ noise[name] @ dct.T)[1:, 1:]
    return result


def within_patches(moments: Array, side: int, row: int, column: int) -> Array:
    """(64, 64) contribution of second moments over the pixels of blocks to those of 8×8 patches.

    Args:
        moments: (side², side²).
        side: of the blocks; blocks larger than a patch contribute the sum over their patches.
        row: first row of the blocks in their patch.
        column: first column.
    """
    if side < _PATCH:
        out = np.zeros((_PATCH,) * 4)
        rows, columns = slice(row, row + side), slice(column, column + side)
        out[rows, columns, rows, columns] = moments.reshape((side,) * 4)
    else:
        per_side = side // _PATCH
        out = np.einsum("aibjakbl->ijkl", moments.reshape((per_side, _PATCH) * 4))
    return out.reshape(_PATCH**2, _PATCH**2)


def laplace_gains(scales: Array, step: float) -> Array:
    """α = E[y²] / E[c²] of a uniform quantizer with centroids on Laplace distributions; exact.

    With magnitudes of mean b = scale / √2, bins [(m + ½) Δ, (m + 1½) Δ) and the same centroid in every bin,
    δ = b − Δ q / (1 − q) above its lower end where q = e^(−Δ/b), E[y²] is a geometric series.

    Args:
        scales: (n,) √2 · mean magnitude.
        step: Δ, in the same units.

    >>> laplace_gains(np.array([0.01, 1.0, 100.0]), 1.0).round(3)
    array([0.   , 0.928, 1.   ])
    """
    mean = scales / np.sqrt(2)
    ratio = np.minimum(step / mean, 500.0)
    q = np.exp(-ratio)
    first = ratio / 2 + 1 - ratio * q / -np.expm1(-ratio)  # lowest centroid, in units of b
    number, squared = q / -np.expm1(-ratio), q * (1 + q) / np.expm1(-ratio) ** 2
    energy = np.exp(-ratio / 2) * (first**2 + 2 * first * ratio * number + ratio**2 * squared)
    return np.clip(energy / 2, 0.0, 1.0)


def channel_of(gains: Array, population_gains: Array | None = None) -> QuantizationChannel:
    """The damping–dephasing channel of gains; with different population gains, that of a midpoint quantizer."""
    return QuantizationChannel(
        reconstruction="centroid" if population_gains is None else "midpoint",
        gains=gains,
        population_gains=gains if population_gains is None else population_gains,
        error_weight=0.0,
        noise_state=np.zeros(len(gains)),
    )


def gains_of(distortion: Array, energy: Array) -> Array:
    """α_k = 1 − D_k / σ_k², in [0, 1]; 0 where there is no energy."""
    positive = energy > 0
    return np.where(positive, np.clip(1 - distortion / np.where(positive, energy, 1.0), 0.0, 1.0), 0.0)


def modelled(moments: CodedMoments, stage: str) -> dict[str, Array]:
    """Unnormalised second moments after the codec, by each model that needs no other pictures."""
    raw, distortion = moments.raw, moments.distortion(stage)
    energy = np.diagonal(raw)
    measured = raw * channel_of(gains_of(distortion, energy)).multiplier()
    safe = np.where(energy > 0, energy, 1.0)
    gains, populations = moments.crossed[stage] / safe, np.diagonal(moments.true[stage]) / safe
    return {
        OF_STEP: raw * channel_from_marginals(moments.marginals, reconstruction="centroid").multiplier(),
        ALPHA: measured,
        GAINS: raw * channel_of(gains, populations).multiplier(),
        POPULATIONS: raw + np.diag(np.diagonal(measured) - energy),
        **moments.classes,
        WHITE: raw + np.eye(63) * distortion.mean(),
    }


def _whole(luma: Array) -> Array:
    """Luma cropped or extended to whole superblocks."""
    height, width = (side // SUPERBLOCK * SUPERBLOCK or side for side in luma.shape)
    luma = luma[:height, :width]
    return np.pad(luma, [(0, -side % SUPERBLOCK) for side in luma.shape], mode="edge")
