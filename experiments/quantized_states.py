"""Density matrices of quantized AC coefficients: as they are, as the channel models say, and how far they scatter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.pictures import Picture
from qimg import images
from qimg.arguments import Array
from qimg.channels import QuantizerMarginals, channel_from_marginals, quantize
from qimg.channels.quantization import Reconstruction
from qimg.patches import extract_patches
from qimg.transforms import apply, unitary


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """AC coefficients of one picture: 9 bytes of memory per pixel."""

    name: str
    luma: Array
    """(H, W) in whole code values, `uint8`."""
    raw: Array
    """(n, 63) AC coefficients."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A picture with the marginal statistics that its quantizer and its models use."""

    sample: Sample
    same: QuantizerMarginals
    """Of the pictures whose state is looked at, this one among them: they define the centroids."""
    other: QuantizerMarginals
    """Of pictures without this one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizedState:
    """Density matrices (63, 63) of the pictures of some parts together."""

    raw: Array
    true: Array
    """After quantization."""
    models: dict[str, tuple[Array, Array]]
    """"same" and "other" α → (the channel's prediction, that with untouched coherences); left out where all is lost.

    The second need not be positive: populations that shrink cannot carry the old coherences.
    """
    exact: Array
    """The channel's coherences with the true populations: what `scattered` is to be compared with."""
    scattered: Array
    """The true state with the sign of every quantization error drawn at random."""


def sample(picture: Picture) -> Sample:
    """The AC coefficients of a picture's luma, rounded to whole code values."""
    luma = images.to_uint8(picture.luma_code_values())
    return Sample(name=picture.name, luma=luma, raw=ac_coefficients(luma))


def ac_coefficients(luma: Array) -> Array:
    """(n, 63) DCT coefficients of the 8×8 patches of a luma plane, DC left out."""
    patches = extract_patches(luma).astype(np.float64)
    # They do not depend on a constant; without it flat patches have none, not even by rounding.
    return apply(unitary("dct_2d", 64), patches - patches[:, :1])[:, 1:]


def quantized_state(parts: Sequence[Part], quality: int, reconstruction: Reconstruction, seed: int) -> QuantizedState:
    """Quantize the parts, model them, and add their second moments up.

    Random signs leave every error's size and its dependence on the sizes of the others, and make it uncorrelated with
    all other coefficients: what a channel with the right gains would leave on this finite sample.
    """
    rng = np.random.default_rng(seed)
    raw, true, exact, scattered = (np.zeros((63, 63)) for _ in range(4))
    models = {name: (np.zeros((63, 63)), np.zeros((63, 63))) for name in ("same", "other")}
    for part, rebuilt in zip(parts, _rebuilt(parts, quality, reconstruction, rng), strict=True):
        coefficients = part.sample.raw
        moments, quantized = _moments(coefficients), _moments(rebuilt)
        raw += moments
        true += quantized
        for name, marginals in (("same", part.same), ("other", part.other)):
            model, populations = models[name]
            predicted = _modelled(moments, len(coefficients), marginals, reconstruction)
            model += predicted
            populations += moments + np.diag(np.diagonal(predicted) - np.diagonal(moments))
        gains = channel_from_marginals(part.same, reconstruction=reconstruction).gains
        errors = (rebuilt - gains * coefficients) * rng.choice((-1.0, 1.0), size=rebuilt.shape)
        exact += _with_diagonal(moments * np.outer(gains, gains), np.diagonal(quantized))
        scattered += _with_diagonal(_moments(gains * coefficients + errors), np.diagonal(quantized))
    kept = {name: (density(one), density(two)) for name, (one, two) in models.items() if np.trace(one) > 0}
    return QuantizedState(
        raw=density(raw), true=density(true), models=kept, exact=density(exact), scattered=density(scattered)
    )


def density(moments: Array) -> Array:
    """Second moments as a density matrix; the maximally mixed state where all coefficients are zero."""
    trace = float(np.trace(moments))
    return np.asarray(moments / trace if trace > 0 else np.eye(len(moments)) / len(moments))


def _rebuilt(
    parts: Sequence[Part], quality: int, reconstruction: Reconstruction, rng: np.random.Generator
) -> Iterator[Array]:
    for part in parts:
        if reconstruction == "midpoint":
            yield ac_coefficients(images.jpeg_round_trip(part.sample.luma, quality=quality).image)
        elif reconstruction == "centroid":
            yield part.same.rebuild(part.sample.raw)
        else:
            yield quantize(part.sample.raw, part.same.step, reconstruction=reconstruction, rng=rng)


def _modelled(moments: Array, count: int, marginals: QuantizerMarginals, reconstruction: Reconstruction) -> Array:
    """Second moments after the channel, not normalised."""
    if reconstruction == "dithered":
        # In absolute terms dither adds the same noise to every picture, whatever α is fitted on.
        return moments + count * np.diag(marginals.step**2 / 12)
    return moments * channel_from_marginals(marginals, reconstruction=reconstruction).multiplier()


def _moments(coefficients: Array) -> Array:
    return np.asarray(coefficients.T @ coefficients)


def _with_diagonal(matrix: Array, diagonal: Array) -> Array:
    np.fill_diagonal(matrix, diagonal)
    return matrix
