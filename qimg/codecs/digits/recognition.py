"""Recognition of decoded digits: the codes of a picture that the decoder made, by the method of Gauss and Newton."""

import numpy as np

from qimg.codecs.digits.latent_model import BOUND, FRACTION, STEP_FRACTION, LatentModel
from qimg.core import Array

_BATCH = 128
_ITERATIONS = 12
_NEAR = 150.0
"""Squared error below which only rounding separates latents from codes; that of rounded pixels is 65 at most."""
_UNCERTAIN = 8
"""Codes that are changed together, in all combinations."""
_CLOSE = 2000.0
"""Squared error below which the search goes on in any case."""
_FALL = 0.9
"""A digit whose squared error does not fall below this share of the one before was not made by the decoder."""
_DAMPING = 1e-3


def recognised(model: LatentModel, pixels: Array, latents: Array, rate: int) -> tuple[Array, Array]:
    """Codes of digits that the decoder made, and which digits these are.

    A digit equals the decoder's output for real latents that the least squares of its linearisation approach; their
    codes are accepted only if they decode to the digit exactly. Cost: a few evaluations of the decoder's Jacobian for
    digits of the decoder, a few for others.

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
        errors, step, deviation = _step(model, pixels[:, active], place[:, active])
        near = errors < _NEAR
        for digit, uncertainty in zip(active[near], deviation[:, near].T, strict=True):
            found = _beside(model, pixels[:, digit], place[:, digit], uncertainty, rate)
            if found is not None:
                codes[:, digit], same[digit] = found, True
        going = ((errors < _FALL * previous[active]) | (errors < _CLOSE)) & ~same[active]
        previous[active] = errors
        active = active[going]
        if not len(active):
            break
        place[:, active] = np.clip(place[:, active] + step[:, going], -BOUND, BOUND)
    return codes, same


def _step(model: LatentModel, pixels: Array, place: Array) -> tuple[Array, Array, Array]:
    """Squared errors (n,) at real latents, and step and deviations (channels, n) by the linearisation."""
    target = pixels.astype(np.float32)
    output, jacobian = _linearised(model, place)
    errors = ((np.clip(output, 0, 255) - target) ** 2).sum(axis=0)
    # A pixel that is clamped, and should be, carries no information.
    matters = ~(((output <= 0) & (target <= 0)) | ((output >= 255) & (target >= 255)))
    jacobian *= matters.T[:, :, None]
    residual = ((target - output) * matters).T
    normal = (jacobian.swapaxes(1, 2) @ jacobian).astype(float)
    diagonal = np.einsum("nii->ni", normal)
    diagonal += _DAMPING * (diagonal.mean(axis=1, keepdims=True) + 1e-3)
    inverse = np.linalg.inv(normal)
    step = inverse @ (jacobian.swapaxes(1, 2).astype(float) @ residual[..., None])
    return errors, step[..., 0].T, np.sqrt(np.einsum("nii->in", inverse))


def _beside(model: LatentModel, pixels: Array, place: Array, deviation: Array, rate: int) -> Array | None:
    """Codes (channels,) that decode to the digit and differ by ±1 from rounded latents where rounding is uncertain."""
    rounded = model.quantized(place[:, None], rate)
    rest = place - model.reconstructed(rounded, rate)[:, 0]
    margin = model.steps[rate] / (2 << (STEP_FRACTION - FRACTION)) - np.abs(rest)
    uncertain = np.argsort(margin / deviation)[:_UNCERTAIN]
    choices = np.arange(1 << len(uncertain))[None] >> np.arange(len(uncertain))[:, None] & 1
    attempts = np.repeat(rounded, choices.shape[1], axis=1)
    attempts[uncertain] += choices * np.where(rest[uncertain] < 0, -1, 1)[:, None]
    equal = (model.pixels(attempts, rate) == pixels[:, None]).all(axis=0)
    return attempts[:, equal.argmax()] if equal.any() else None


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
