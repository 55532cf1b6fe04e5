"""Quantization of transform coefficients as a channel on their second moments.

Let y be the reconstruction of the coefficients c. The gains α_k = E[c_k y_k] / E[c_k²] (Bussgang, 1952) and the
population gains β_k = E[y_k²] / E[c_k²] are marginal statistics. The populations of y are exactly β_k C_kk; its
coherences are α_i α_j C_ij to first order. β ≥ α² by Cauchy–Schwarz, so the map is completely positive:

    C ↦ (α αᵀ) ∘ C + diag((β − α²) ∘ diag C).

*Centroid* reconstruction y_k = E[c_k | bin] has β = α; an erasure level ∅ receives the lost share 1 − α_k, so that the
map preserves the trace. *Midpoint* reconstruction can increase the energy (β > 1); the map is completely positive but
not trace preserving. *Subtractive dither* adds independent noise of variance Δ²/12: on density matrices
ρ ↦ (1 − p) ρ + p σ.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from qimg.channels.kraus import KrausChannel
from qimg.channels.marginals import QuantizerMarginals, bin_indices, checked_samples
from qimg.core import Array, arguments, one_of

if TYPE_CHECKING:
    from qiskit.quantum_info import Kraus

Reconstruction = Literal["centroid", "midpoint", "dithered"]
RECONSTRUCTIONS: tuple[Reconstruction, ...] = ("centroid", "midpoint", "dithered")

MAX_KRAUS_DIMENSION = 16
"""Largest number of levels for lists of Kraus operators; `apply` is a closed form of any size."""


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantizationChannel:
    """Action of a quantizer on density matrices in the coefficient basis, built by `quantization_channel`."""

    reconstruction: Reconstruction
    """Reconstruction point of a coefficient in its bin."""
    gains: Array
    """(d,) α_k = E[c_k y_k] / E[c_k²]; 0 where c_k vanishes; 1 for "dithered"."""
    population_gains: Array
    """(d,) β_k = E[y_k²] / E[c_k²]; equal to the gains for "centroid"; 1 + noise/signal for "dithered"."""
    error_weight: float
    """Share p of the added noise in the output's trace, for "dithered"; 0 otherwise."""
    noise_state: Array
    """(d,) diagonal of σ, the normalised noise, for "dithered"; zeros otherwise."""

    @property
    def dimension(self) -> int:
        """Number d of coefficients."""
        return len(self.gains)

    @property
    def levels(self) -> int:
        """Levels of the output: d, or d + 1 for "centroid", whose last level is the erasure level ∅."""
        return self.dimension + (self.reconstruction == "centroid")

    def __repr__(self) -> str:
        return (
            f"QuantizationChannel({self.reconstruction!r}, dimension={self.dimension}, "
            f"gains from {self.gains.min():.3g} to {self.gains.max():.3g})"
        )

    def apply(self, rho: ArrayLike) -> Array:
        """Apply the map, which is linear in ρ. Cost: O(d²).

        For the samples on which the gains were measured, populations are exact and coherences are first order; for
        other samples both are predictions.

        Args:
            rho: (..., d, d) Hermitian, in the coefficient basis.

        Returns:
            (..., levels, levels). For "centroid" level d is the erasure level. "centroid" and "dithered" preserve the
            trace; "midpoint" does not.
        """
        matrix = arguments.hermitian("rho", rho)
        d = self.dimension
        arguments.require_shape(matrix.shape[-1] == d, "rho", f"(..., {d}, {d})", matrix)
        populations = np.diagonal(matrix, axis1=-2, axis2=-1).real
        if self.reconstruction == "dithered":
            trace = populations.sum(axis=-1)[..., None, None]
            return np.asarray((1 - self.error_weight) * matrix + self.error_weight * trace * np.diag(self.noise_state))
        levels = np.arange(d)
        out = np.zeros((*matrix.shape[:-2], self.levels, self.levels), matrix.dtype)
        out[..., :d, :d] = matrix * np.outer(self.gains, self.gains)
        out[..., levels, levels] = self.population_gains * populations
        if self.reconstruction == "centroid":
            out[..., d, d] = populations @ (1 - self.gains)
        return out

    def apply_conditioned(self, rho: ArrayLike) -> Array:
        """Density matrix of the quantized coefficients: `apply` without the erasure level, renormalised.

        For all three reconstructions it predicts M / tr M of the quantized coefficients.

        Args:
            rho: (..., d, d) density matrices.
        """
        out = self.apply(arguments.density_matrix("rho", rho))[..., : self.dimension, : self.dimension]
        trace = np.trace(out, axis1=-2, axis2=-1).real
        arguments.require(bool(trace.min() > 0), "rho", "must keep some energy in quantization", float(trace.min()))
        return np.asarray(out / trace[..., None, None])

    def multiplier(self) -> Array:
        """(d, d) entrywise (Schur) multiplier on the d coefficients: α αᵀ with β on the diagonal.

        Raises:
            ValueError: the reconstruction is "dithered", which is not a multiplication.
        """
        if self.reconstruction == "dithered":
            raise ValueError(
                "reconstruction must be centroid or midpoint for a multiplier, but reconstruction='dithered'"
            )
        matrix = np.outer(self.gains, self.gains)
        np.fill_diagonal(matrix, self.population_gains)
        return matrix

    def is_cp(self, *, tolerance: float = 1e-10) -> bool:
        """Whether the map is completely positive.

        A Schur multiplier is completely positive if and only if it is positive semidefinite: one `eigvalsh` of size d.
        """
        if self.reconstruction == "dithered":
            return 0 <= self.error_weight <= 1 and bool(self.noise_state.min() >= -tolerance)
        positive = bool(np.min(np.linalg.eigvalsh(self.multiplier())) >= -tolerance)
        return positive and (self.reconstruction == "midpoint" or bool(self.gains.max() <= 1 + tolerance))

    def is_cptp(self, *, tolerance: float = 1e-10) -> bool:
        """Whether `apply` is completely positive and preserves every trace ("midpoint" in general does not)."""
        if not self.is_cp(tolerance=tolerance):
            return False
        if self.reconstruction == "midpoint":
            return bool(np.abs(self.population_gains - 1).max() <= tolerance)
        if self.reconstruction == "centroid":
            return bool(np.abs(self.population_gains - self.gains).max() <= tolerance)
        return abs(float(self.noise_state.sum()) - 1) <= tolerance or self.error_weight == 0

    def kraus(self) -> Array:
        """Kraus operators (n, levels, d) of `apply`, without operators that are zero.

        Centroid: K₀ = diag(α), K_k = √(α_k(1−α_k)) |k⟩⟨k|, L_k = √(1−α_k) |∅⟩⟨k|. Midpoint: K₀ = diag(α),
        K_k = √(β_k−α_k²) |k⟩⟨k|. Dithered: √(1−p) 1 and √(p σ_j) |j⟩⟨k|.

        Raises:
            ValueError: d > 16, or the map has no such form: it is not completely positive, or β < α².
        """
        d = self.dimension
        arguments.require(
            d <= MAX_KRAUS_DIMENSION, "dimension", f"must be at most {MAX_KRAUS_DIMENSION} for Kraus operators", d
        )
        if not self.is_cp() or (self.population_gains < self.gains**2 - 1e-10).any():
            raise ValueError("Kraus operators need a completely positive map with population_gains of at least gains²")
        identity = np.eye(self.levels, d)
        if self.reconstruction == "dithered":
            noise = np.sqrt(self.error_weight * self.noise_state)
            jumps = np.einsum("j,ja,kb->jkab", noise, np.eye(d), np.eye(d)).reshape(d * d, d, d)
            operators = np.concatenate([np.sqrt(1 - self.error_weight) * identity[None], jumps])
        else:
            spread = np.sqrt(np.clip(self.population_gains - self.gains**2, 0.0, None))
            levels = np.arange(d)
            dephase = np.zeros((d, self.levels, d))
            dephase[levels, levels, levels] = spread
            parts = [(identity * self.gains)[None], dephase]
            if self.reconstruction == "centroid":
                erase = np.zeros((d, self.levels, d))
                erase[levels, d, levels] = np.sqrt(np.clip(1 - self.gains, 0.0, None))
                parts.append(erase)
            operators = np.concatenate(parts)
        return operators[np.abs(operators).max(axis=(1, 2)) > 0]

    def to_qiskit(self) -> "Kraus":
        """`apply` as `qiskit.quantum_info.Kraus` from d to `levels` levels (d ≤ 16)."""
        return KrausChannel(self.kraus()).to_qiskit()


def quantize(
    coefficients: ArrayLike,
    step: ArrayLike,
    *,
    reconstruction: Reconstruction,
    rng: np.random.Generator | None = None,
) -> Array:
    """Quantize coefficients uniformly and reconstruct them.

    Bins are round(c / Δ), halves away from zero, as in libjpeg.

    Args:
        coefficients: (n, d) real.
        step: (d,) steps Δ > 0, in the units of the coefficients.
        reconstruction: "midpoint" Δ·round(c/Δ); "centroid" the mean of the samples in the bin; "dithered"
            Δ·round((c+u)/Δ) − u with u uniform in [−Δ/2, Δ/2).
        rng: draws the dither; required for "dithered" and not allowed otherwise.
    """
    samples, steps = checked_samples(coefficients, step)
    one_of("reconstruction", reconstruction, RECONSTRUCTIONS)
    if (rng is not None) != (reconstruction == "dithered"):
        raise ValueError(
            f"rng must be given for 'dithered' and for no other reconstruction, but reconstruction={reconstruction!r}"
        )
    if rng is not None:
        dither = rng.uniform(-0.5, 0.5, samples.shape) * steps
        return np.asarray(bin_indices(samples + dither, steps) * steps - dither)
    if reconstruction == "midpoint":
        return np.asarray(bin_indices(samples, steps) * steps)
    return QuantizerMarginals.measure(samples, steps).rebuild(samples)


def quantization_channel(
    coefficients: ArrayLike, step: ArrayLike, *, reconstruction: Reconstruction
) -> QuantizationChannel:
    """The channel of a uniform quantizer with gains measured on sample coefficients.

    It can be applied to density matrices of other pictures.

    Args:
        coefficients: (n, d) real samples, n ≥ 1; AC coefficients only, if DC is treated separately.
        step: (d,) steps Δ > 0, in the units of the coefficients.
        reconstruction: "centroid", "midpoint" or "dithered".

    >>> rng = np.random.default_rng(0)
    >>> channel = quantization_channel(rng.normal(0, 10, (1000, 3)), [1, 10, 100], reconstruction="centroid")
    >>> channel.gains.round(2), channel.is_cptp()
    (array([1.  , 0.92, 0.  ]), True)
    """
    return channel_from_marginals(QuantizerMarginals.measure(coefficients, step), reconstruction=reconstruction)


def channel_from_marginals(marginals: QuantizerMarginals, *, reconstruction: Reconstruction) -> QuantizationChannel:
    """The channel of `quantization_channel` from existing marginals, for instance a sum over pictures."""
    one_of("reconstruction", reconstruction, RECONSTRUCTIONS)
    energy, steps = marginals.energy, marginals.step
    positive = energy > 0
    safe = np.where(positive, energy, 1.0)
    if reconstruction == "dithered":
        noise = marginals.count * steps**2 / 12
        return QuantizationChannel(
            reconstruction=reconstruction,
            gains=np.ones(len(steps)),
            population_gains=1 + noise / safe,
            error_weight=float(noise.sum() / (noise.sum() + energy.sum())),
            noise_state=noise / noise.sum(),
        )
    if reconstruction == "centroid":
        # E[c y] = E[y²] for centroids. One number for both keeps the channel CPTP in spite of rounding.
        reconstructed = (marginals.bin_sums**2 / np.maximum(marginals.bin_counts, 1)).sum(axis=0)
        gains = populations = np.where(positive, np.clip(reconstructed / safe, 0.0, 1.0), 0.0)
    else:
        midpoints = marginals.bins * steps
        gains = np.where(positive, (midpoints * marginals.bin_sums).sum(axis=0) / safe, 0.0)
        populations = np.where(positive, (midpoints**2 * marginals.bin_counts).sum(axis=0) / safe, 0.0)
    return QuantizationChannel(
        reconstruction=reconstruction,
        gains=gains,
        population_gains=populations,
        error_weight=0.0,
        noise_state=np.zeros(len(steps)),
    )
