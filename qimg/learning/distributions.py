"""Code lengths of the distributions of `qimg.entropy.distributions`, as differentiable functions of real parameters."""

from math import log

import torch
from torch import Tensor

from qimg.entropy.distributions import MEAN_FRACTION, SCALE_FRACTION, SCALES, SMALLEST, Distribution

_LEAST = 2.0**-100  # of probabilities, far below the cost of an escape, so that gradients of outliers do not vanish
_HIGHEST = (SCALES - 1) / (1 << SCALE_FRACTION)
_FURTHEST = 255 / 16  # nats below the largest logit


def bits(distribution: Distribution, symbols: Tensor, parameters: Tensor) -> Tensor:
    """Code lengths −log2(F(y + ½) − F(y − ½)) in bits.

    Args:
        distribution: the family.
        symbols: (…) integers or, except for categorical ones, real numbers.
        parameters: (outputs, …) means; binary logarithms of scales over `SMALLEST`; logits in nats: the integer
            parameters of `Distribution` times 2^-fraction.
    """
    size = distribution.size
    if distribution.kind == "categorical":
        logits = parameters - parameters.amax(0, keepdim=True)
        logits = logits.clamp(min=-_FURTHEST)
        chosen = torch.gather(logits, 0, symbols.long()[None])[0]
        return (torch.logsumexp(logits, 0) - chosen) / log(2)
    centred = symbols - parameters[:size]
    scales = SMALLEST * 2.0 ** parameters[size : 2 * size].clamp(0, _HIGHEST)
    if distribution.kind == "laplace":
        return -_log_laplace(centred[0], scales[0]) / log(2)
    masses = _gaussian(centred, scales)
    if distribution.kind == "mixture":
        weights = parameters[2 * size :]
        weights = torch.softmax((weights - weights.amax(0, keepdim=True)).clamp(min=-_FURTHEST), 0)
        masses = (weights * masses).sum(0, keepdim=True)
    return -torch.log2(masses[0].clamp(min=_LEAST))


def _log_laplace(x: Tensor, scale: Tensor) -> Tensor:
    """Log P(x − ½ < y < x + ½) of a Laplace distribution; in the tail −near + log of half of 1 − exp(−1/scale)."""
    distance = x.abs()
    near, far = (distance - 0.5) / scale, (distance + 0.5) / scale
    tail = -near.clamp(min=0) + torch.log(-0.5 * torch.expm1(-1 / scale))
    inside = torch.log1p(-0.5 * (torch.exp(near.clamp(max=0)) + torch.exp(-far)))
    return torch.where(near > 0, tail, inside)


def _gaussian(x: Tensor, scale: Tensor) -> Tensor:
    """P(x − ½ < y < x + ½) of a Gaussian, plus a unit of the coder that falls off more slowly and has gradients."""
    distance = -x.abs()
    mass = torch.special.ndtr((distance + 0.5) / scale) - torch.special.ndtr((distance - 0.5) / scale)
    return mass + 2.0**-24 * torch.exp(distance / (4 * scale))


def initial_parameters(distribution: Distribution, scale: float = 1.0) -> list[float]:
    """Real parameters of a broad start: means spread around zero, scales around `scale`, equal weights."""
    if distribution.kind == "categorical":
        return [0.0] * distribution.size
    size = distribution.size
    spread = [0.0] if size == 1 else [scale * (2 * k / (size - 1) - 1) for k in range(size)]
    exponent = max(log(scale / SMALLEST, 2), 0)
    means = [round(mean * (1 << MEAN_FRACTION)) / (1 << MEAN_FRACTION) for mean in spread]
    return means + [exponent] * size + [0.0] * (size if distribution.kind == "mixture" else 0)
