"""Recognition of decoded digits: the codes of a picture that the decoder made, by the method of Gauss and Newton."""

import numpy as np

from qimg.codecs.digits.latent_model import BOUND, LatentModel
from qimg.core import Array

_BATCH = 128
_ITERATIONS = 8
_FALL = 0.7
"""A digit whose squared error does not fall below this share of the one before was not made by the decoder."""
_DAMPING = 1e-3


def recognised(model: LatentModel, pixels: Array, latents: Array, rate: int) -> tuple[Array, Array]:
    """Codes of digits that the decoder made, and which digits these are.

    A digit equals the decoder's output for real latents that the least squares of its linearisation approach; their
    codes are accepted only if they decode to the digit exactly. Cost: a few evaluations of the decoder's Jacobian for
    digits of the decoder, two for others.

    Args:
        model: the transform.
        pixels: (784, n) uint8.
        latents: (channels, n) latents of the encoder, where the search begins.
        rate: number of the rate.

    Returns:
        Codes (channels, n) int32, and (n,) booleans: whether the codes decode to the digit.
    """
    codes, same = model.quantized(latents, rate), np.zeros(pixels.shape[1], bool)
    for start in range(0, pixels.shape[1], _BATCH):
        some = slice(start, start + _BATCH)
        codes[:, some], same[some] = _search(model, pixels[:, some], latents[:, some], rate)
    return codes, same


def _search(model: LatentModel, pixels: Array, latents: Array, rate: int) -> tuple[Array, Array]:
    codes, same = model.quantized(latents, rate), np.zeros(pixels.shape[1], bool)
    active = np.arange(pixels.shape[1])
    place = np.clip(latents.astype(np.float32), -BOUND, BOUND)
    previous = np.full(pixels.shape[1], np.inf)
    for _ in range(_ITERATIONS):
        attempt = model.quantized(place[:, active], rate)
        equal = (model.pixels(attempt, rate) == pixels[:, active]).all(axis=0)
        codes[:, active[equal]], same[active[equal]] = attempt[:, equal], True
        active = active[~equal]
        if not len(active):
            break
        target = pixels[:, active].astype(np.float32)
        output, jacobian = _linearised(model, place[:, active])
        errors = ((np.clip(output, 0, 255) - target) ** 2).sum(axis=0)
        falling = errors < _FALL * previous[active]
        previous[active] = errors
        active, target, output, jacobian = active[falling], target[:, falling], output[:, falling], jacobian[falling]
        # A clamped pixel that should be clamped tells nothing.
        matters = ~(((output <= 0) & (target <= 0)) | ((output >= 255) & (target >= 255)))
        jacobian *= matters.T[:, :, None]
        residual = ((target - output) * matters).T
        normal = jacobian.swapaxes(1, 2) @ jacobian
        diagonal = np.einsum("nii->ni", normal)
        diagonal += _DAMPING * (diagonal.mean(axis=1, keepdims=True) + 1e-3)
        step = np.linalg.solve(normal.astype(float), jacobian.swapaxes(1, 2).astype(float) @ residual[..., None])
        place[:, active] = np.clip(place[:, active] + step[..., 0].T, -BOUND, BOUND)
    return codes, same


def _linearised(model: LatentModel, latents: Array) -> tuple[Array, Array]:
    """Real outputs (784, n) of the decoder and their derivatives (n, 784, channels) by latents."""
    values = latents.astype(np.float32)
    jacobian = np.broadcast_to(np.eye(len(latents), dtype=np.float32), (latents.shape[1], len(latents), len(latents)))
    for number, layer in enumerate(model.decoder.layers):
        weight = np.ldexp(layer.weight.astype(np.float32), -layer.shift.astype(np.int32)[:, None])
        values = weight @ values + np.ldexp(layer.bias.astype(np.float32), -layer.shift.astype(np.int32))[:, None]
        jacobian = weight @ jacobian
        if number + 1 < len(model.decoder.layers):
            inside = (values > int(layer.low)) & (values < int(layer.high))
            jacobian = jacobian * inside.T[:, :, None]
            values = np.clip(values, int(layer.low), int(layer.high))
    return values, jacobian
