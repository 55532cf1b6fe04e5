"""Sampling from a prior: patches of its mixtures, and textures drawn block by block given their neighbours."""

import math
from dataclasses import dataclass

import numpy as np

from qimg.core import Array, arguments, integer
from qimg.core.cached import cached_property
from qimg.core.records import short_repr
from qimg.prior.joint import JointMixture
from qimg.prior.model import MissingPartError, Prior
from qimg.prior.views import zero_sum_basis
from qimg.transforms import unitary


def sample(
    prior: Prior,
    *,
    rng: np.random.Generator,
    patches: int | None = None,
    texture: tuple[int, int] | None = None,
    view: str | None = None,
) -> Array:
    """Draw patches from a mixture of the prior, or one texture block by block in raster order.

    Patches are independent exact draws of p(x) = Σ_k π_k N(x; 0, C_k). In a texture every block is drawn given the
    pixels z of its ring that are drawn already: its class from p(k | z), then x from N(W_k z, R_k), exact under the
    mixture of the view restricted to those pixels (never the lower left ones; fewer at the borders). The joint
    operators do not depend on the level, so that levels alone would perform a random walk. They are therefore tied to
    the mean μ and variance σ² of block means under the prior's operators: with b̂ the block mean that the ring predicts
    and r² its residual variance in the class,

        b = μ + ρ (b̂ − μ) + e,   Var e = r²,   ρ = √max(0, 1 − r²/σ²),

    the only linear law under which b has variance σ² if b̂ has. The first block has no ring: its mean is drawn from
    N(μ, σ²) and its other coefficients from the mixture. Both laws describe one step; the density of a whole texture
    has no closed form.

    Cost: 2 K m² operations per block for the classes, with m coefficients of the ring; independent blocks are drawn
    together.

    Args:
        prior: prior to draw from.
        rng: source of all randomness; the same state gives the same pictures.
        patches: number of patches, at least 0.
        texture: (H, W) pixels, any sides of at least 1. Either this or `patches`.
        view: mixture to draw from: a `patch` view for patches (`patch8` when left out), a `luma` or `colour` view for
            textures (`luma8` when left out).

    Returns:
        Patches (n, size²) of luma relative to their mean, or a texture (H, W) of luma, (H, W, 3) of Y'CbCr for `colour`
        views; in code values, neither rounded nor clipped. For display apply `qimg.images.to_uint8`, to colour after
        `ycbcr_to_rgb`.

    Raises:
        ValueError: both or neither of `patches` and `texture`, or a view of the other kind.
        MissingPartError: the prior holds no such mixture, or no operator for the levels of a texture.

    >>> from qimg.prior import GaussianMixture, Prior
    >>> mixture = GaussianMixture.from_covariances([1.0], [100 * np.eye(63)])
    >>> flat = Prior.assemble(operators={}, mixtures={"patch8": mixture}, provenance={"inputs": []})
    >>> sample(flat, rng=np.random.default_rng(0), patches=5).shape
    (5, 64)
    """
    generator = isinstance(rng, np.random.Generator)
    arguments.require(generator, "rng", "must be a numpy.random.Generator, such as numpy.random.default_rng(0)", rng)
    requested = [name for name, value in (("patches", patches), ("texture", texture)) if value is not None]
    arguments.require(len(requested) == 1, "patches or texture", "must be given, and not both", requested)
    name = view or ("patch8" if texture is None else "luma8")
    model = prior.mixtures[name]
    fits = (model.view.kind == "patch") == (texture is None)
    arguments.require(fits, "view", f"must be one for {requested[0]}, such as {_EXAMPLES[requested[0]]}", name)
    if texture is None:
        return _patches(model, integer("patches", patches or 0, 0), rng)
    height, width = (integer("texture", length, 1) for length in texture)
    painter = Painter(model, _levels(prior, model.view.planes, model.view.size))
    down, across = -(-height // model.view.size), -(-width // model.view.size)
    noise = Noise.drawn(down, across, painter.block, rng)
    canvas = painter.paint(noise)[:height, :width]
    return canvas[..., 0] if model.view.planes == 1 else canvas


_EXAMPLES = {"patches": "patch8", "texture": "luma8 or colour8"}


def _patches(model: JointMixture, count: int, rng: np.random.Generator) -> Array:
    return np.asarray(model.mixture.sample(count, rng) @ model.view.synthesis.T)


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class Levels:
    """Mean and variance of block means, plane by plane."""

    mean: Array
    """(planes,) μ in code values."""
    variance: Array
    """(planes,) σ² in squared code values; if infinite, the levels perform a random walk."""


def _levels(prior: Prior, planes: int, size: int) -> Levels:
    """Mean and variance of block means from the prior's operator of level-shifted patches.

    For blocks that tile the patch they are exact, averaged over their places in the patch. For other blocks they are
    those of the whole patch; the variance is slightly too large for larger blocks.
    """
    kind = "luma" if planes == 1 else "colour"
    if not any(name.startswith(f"{kind} ") for name in prior.operators):
        raise MissingPartError(f"the prior holds no {kind} operator, which the levels of a texture are drawn from")
    operator = prior.operator_of(kind)
    side = math.isqrt(operator.dimension // planes)
    within = size if side % size == 0 else side
    blocks = np.kron(np.eye(side // within), np.ones(within) / within)
    means = np.kron(np.eye(planes), np.kron(blocks, blocks))
    shifted = (means @ operator.sum / operator.count).reshape(planes, -1).mean(axis=1)
    second = np.einsum("pi,ij,pj->p", means, operator.matrix / operator.count, means).reshape(planes, -1).mean(axis=1)
    return Levels(mean=shifted + 128.0, variance=np.maximum(second - shifted**2, 1e-12))


@dataclass(frozen=True, eq=False, kw_only=True)
class Noise:
    """All random numbers of a texture, block by block, so that the result does not depend on the order of drawing."""

    classes: Array
    """(rows, columns) of blocks, uniform in [0, 1), for the choice of the class."""
    coefficients: Array
    """(rows, columns, block) standard normal, for the draw from the class."""

    @classmethod
    def drawn(cls, down: int, across: int, block: int, rng: np.random.Generator) -> "Noise":
        """Draw the noise of `down` × `across` blocks of `block` coefficients."""
        return cls(classes=rng.random((down, across)), coefficients=rng.standard_normal((down, across, block)))


class Painter:
    """Draws blocks of one mixture given any subset of the ring's pixels."""

    def __init__(self, model: JointMixture, levels: Levels) -> None:
        self.view, self.levels = model.view, levels
        self.block = model.view.planes * model.view.size**2
        self._model = model
        self._brushes: dict[tuple[int, ...], _Brush] = {}

    def paint(self, noise: Noise, *, one_by_one: bool = False) -> Array:
        """The texture (H, W, planes) of this noise; H and W are multiples of the block's side.

        The farthest block that block (r, c) depends on is (r − 1, c + 1), so all blocks of equal c + 2r can be drawn at
        once.

        Args:
            noise: of every block.
            one_by_one: draw blocks in raster order instead; the texture is the same.
        """
        down, across = noise.classes.shape
        size, planes = self.view.size, self.view.planes
        canvas = np.zeros((down * size, across * size, planes))
        places = np.indices((down, across)).reshape(2, -1).T
        front = np.arange(len(places)) if one_by_one else places[:, 1] + 2 * places[:, 0]
        for number in np.unique(front):
            together = places[front == number]
            # Blocks of one front may have different ring pixels; those with the same neighbours have the same.
            kinds = [(row > 0, column > 0, column < across - 1) for row, column in together]
            for kind in dict.fromkeys(kinds):
                same = together[[other == kind for other in kinds]]
                rows, columns = same.T
                uniform, normal = noise.classes[rows, columns], noise.coefficients[rows, columns]
                blocks = self._drawn(canvas, same * size, self._ring_pixels(*kind), uniform, normal)
                for (row, column), block in zip(same * size, blocks, strict=True):
                    canvas[row : row + size, column : column + size] = block
        return canvas

    def _ring_pixels(self, above: bool, left: bool, right: bool) -> tuple[int, ...]:
        """Indices of the ring pixels that are drawn already if there are blocks above, to the left and to the right."""
        size = self.view.size
        corner = [0] if above and left else []
        first = list(range(1, 1 + size)) if above else []
        second = list(range(1 + size, 1 + 2 * size)) if above and right else []
        side = list(range(1 + 2 * size, 1 + 3 * size)) if left else []
        return (*corner, *first, *second, *side)

    def _drawn(self, canvas: Array, corners: Array, pixels: tuple[int, ...], uniform: Array, normal: Array) -> Array:
        """Blocks (n, size, size, planes) at these corners."""
        if not pixels:
            return self._first(uniform, normal)
        if pixels not in self._brushes:
            self._brushes[pixels] = _Brush(self._model.restricted(self.view.keeping(pixels)))
        brush = self._brushes[pixels]
        ring = brush.model.view.ring
        neighbours = canvas[corners[:, :1] + ring[:, 0], corners[:, 1:] + ring[:, 1]]
        level = neighbours.mean(axis=1)
        z = np.einsum("im,nmp->npi", zero_sum_basis(len(ring)), neighbours).reshape(len(neighbours), -1)
        chosen = _chosen(brush.model.gate(z), uniform)
        mean, noise = brush.block(z, chosen, normal)
        size = self.view.size
        # The first coefficient of a plane is size · (block mean − ring mean).
        expected = level + mean[:, :: size**2] / size
        away = expected - self.levels.mean
        pull = np.sqrt(np.maximum(1 - brush.mean_variances[chosen] / self.levels.variance, 0.0)) - 1
        return self._pixels(mean + noise, level + pull * away)

    def _first(self, uniform: Array, normal: Array) -> Array:
        model = self._model.mixture
        chosen = _chosen(np.repeat(model.weights[None], len(uniform), axis=0), uniform)
        covariances = model.covariances[chosen][:, self.view.observed :, self.view.observed :]
        coefficients = np.einsum("nij,nj->ni", np.linalg.cholesky(covariances), normal)
        size = self.view.size
        finite = np.where(np.isfinite(self.levels.variance), self.levels.variance, 0.0)
        coefficients[:, :: size**2] = size * np.sqrt(finite) * normal[:, :: size**2]
        return self._pixels(coefficients, np.broadcast_to(self.levels.mean, (len(coefficients), self.view.planes)))

    def _pixels(self, coefficients: Array, level: Array) -> Array:
        size = self.view.size
        each = coefficients.reshape(len(coefficients), self.view.planes, size**2) @ unitary("dct_2d", size**2)
        return (each + level[..., None]).transpose(0, 2, 1).reshape(-1, size, size, self.view.planes)


class _Brush:
    """Factors of a mixture over ring ⊕ block: with C = L Lᵀ, x = L_xz L_zz⁻¹ z + L_xx ε is a draw of p(x | z)."""

    def __init__(self, model: JointMixture) -> None:
        self.model = model
        self._observed = model.view.observed
        self._spread = model.mixture.factors[:, self._observed :, self._observed :]

    @cached_property
    def _weights(self) -> Array:
        """(K, block, observed) W_k."""
        return self.model.mixture.factors[:, self._observed :, : self._observed] @ self.model.ring_mixture.whitening

    @cached_property
    def mean_variances(self) -> Array:
        """(K, planes) residual variance r² of the block means, in squared code values."""
        size = self.model.view.size
        return np.asarray((self._spread[:, :: size**2] ** 2).sum(axis=2) / size**2)

    def block(self, z: Array, chosen: Array, normal: Array) -> tuple[Array, Array]:
        """W_k z and noise of covariance R_k, both (n, block), for the chosen class of each ring."""
        mean, noise = np.empty_like(normal), np.empty_like(normal)
        for k in np.unique(chosen):
            rows = chosen == k
            mean[rows] = z[rows] @ self._weights[k].T
            noise[rows] = normal[rows] @ self._spread[k].T
        return mean, noise


def _chosen(shares: Array, uniform: Array) -> Array:
    """(n,) classes: the first whose cumulative probability exceeds the uniform number."""
    reached = shares.cumsum(axis=1) > uniform[:, None] * shares.sum(axis=1, keepdims=True)
    return np.asarray(reached.argmax(axis=1))
