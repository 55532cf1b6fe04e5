"""Density matrices of quantized AC coefficients: true ones, those of channel models, and how far they scatter."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from experiments._run import Array, Picture
from qimg import images
from qimg.channels import QuantizerMarginals, channel_from_marginals, quantize
from qimg.channels.quantization import Reconstruction
from qimg.patches import extract_patches
from qimg.transforms import apply, unitary


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One picture's luma: a byte of memory per pixel; coefficients are computed when they are needed."""

    name: str
    luma: Array
    """(H, W) in whole code values, `uint8`."""
    sha256: str
    """Of the picture: its draws depend on it and on nothing else."""

    def raw(self) -> Array:
        """(n, 63) AC coefficients."""
        return ac_coefficients(self.luma)


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedMoments:
    """Second moments (63, 63) of quantized pictures, as they are and as models predict them. They add over pictures."""

    raw: Array
    true: Array
    """After quantization."""
    channel: dict[str, Array]
    """As the channel predicts them, with "same" and with "other" α."""
    populations_only: dict[str, Array]
    """The same with untouched coherences: need not be positive, since populations shrink and coherences do not."""
    exact: Array
    """The channel's coherences with the true populations: what `scattered` is to be compared with."""
    scattered: Array
    """The truth with the sign of every quantization error drawn at random."""

    def __add__(self, other: "QuantizedMoments") -> "QuantizedMoments":
        """The moments of both sets of pictures together."""
        return QuantizedMoments(**added_fields(self, other))


def added_fields(one: Any, other: Any) -> dict[str, Any]:
    """Field by field the sums of two records of one type, for dictionaries key by key."""
    sums: dict[str, Any] = {}
    for field in fields(one):
        mine, its = getattr(one, field.name), getattr(other, field.name)
        sums[field.name] = {key: mine[key] + its[key] for key in mine} if isinstance(mine, dict) else mine + its
    return sums


def sample(picture: Picture) -> Sample:
    """A picture's luma, rounded to whole code values."""
    return Sample(name=picture.name, luma=picture.luma(), sha256=picture.sha256)


def ac_coefficients(luma: Array) -> Array:
    """(n, 63) DCT coefficients of the 8×8 patches of a luma plane, DC left out."""
    patches = extract_patches(luma).astype(np.float64)
    # They do not depend on a constant; without it flat patches have none, not even by rounding.
    return apply(unitary("dct_2d", 64), patches - patches[:, :1])[:, 1:]


def quantized_moments(
    one: Sample,
    raw: Array,
    *,
    same: QuantizerMarginals,
    other: QuantizerMarginals,
    quality: int,
    reconstruction: Reconstruction,
    seed: int,
) -> QuantizedMoments:
    """Quantize one picture and model it.

    Random signs leave every error's size and its dependence on the sizes of the others, and make it uncorrelated with
    all other coefficients: what a channel with the right gains would leave on this finite sample.

    Args:
        one: the picture.
        raw: its AC coefficients, `one.raw()`.
        same: marginals of the pictures whose state is looked at, this one among them; they define the centroids.
        other: marginals of pictures without this one.
        quality: libjpeg's quality, whose table gave the steps of the marginals.
        reconstruction: of the coefficients; "midpoint" is the decoded JPEG.
        seed: of the dither and the signs, together with the picture.
    """
    rng = np.random.default_rng([seed, int(one.sha256[:16], 16)])
    if reconstruction == "midpoint":
        rebuilt = ac_coefficients(images.jpeg_round_trip(one.luma, quality=quality).image)
    elif reconstruction == "centroid":
        rebuilt = same.rebuild(raw)
    else:
        rebuilt = quantize(raw, same.step, reconstruction=reconstruction, rng=rng)
    moments, true = _moments(raw), _moments(rebuilt)
    channel = {
        name: _modelled(moments, len(raw), marginals, reconstruction)
        for name, marginals in (("same", same), ("other", other))
    }
    gains = channel_from_marginals(same, reconstruction=reconstruction).gains
    errors = (rebuilt - gains * raw) * rng.choice((-1.0, 1.0), size=rebuilt.shape)
    return QuantizedMoments(
        raw=moments,
        true=true,
        channel=channel,
        populations_only={name: _with_diagonal(moments, np.diagonal(model)) for name, model in channel.items()},
        exact=_with_diagonal(moments * np.outer(gains, gains), np.diagonal(true)),
        scattered=_with_diagonal(_moments(gains * raw + errors), np.diagonal(true)),
    )


def lost(moments: Array, raw: Array) -> bool:
    """Whether no energy is left but rounding."""
    return not float(np.trace(moments)) > 1e-12 * float(np.trace(raw))


def density(moments: Array) -> Array:
    """Second moments as a density matrix; the maximally mixed state where all coefficients are zero."""
    trace = float(np.trace(moments))
    return np.asarray(moments / trace if trace > 0 else np.eye(len(moments)) / len(moments))


def _modelled(moments: Array, count: int, marginals: QuantizerMarginals, reconstruction: Reconstruction) -> Array:
    """Second moments after the channel, not normalised."""
    if reconstruction == "dithered":
        # In absolute terms dither adds the same noise to every picture, whatever α is fitted on.
        return moments + count * np.diag(marginals.step**2 / 12)
    return moments * channel_from_marginals(marginals, reconstruction=reconstruction).multiplier()


def _moments(coefficients: Array) -> Array:
    return np.asarray(coefficients.T @ coefficients)


def _with_diagonal(matrix: Array, diagonal: Array) -> Array:
    return matrix + np.diag(diagonal - np.diagonal(matrix))
