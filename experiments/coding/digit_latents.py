"""Quantized latents of the digits of MNIST, by the shipped auto-encoder."""

import numpy as np

from experiments._run import Array
from experiments.tensor_trains.binary_pictures import digits
from qimg import metrics
from qimg.codecs.digits.latent_codec import AUTOENCODER
from qimg.codecs.digits.latent_model import RATES


def digit_latents(count: int, rate: float) -> tuple[Array, Array, float]:
    """Latents (channels, 1, 1, n) int32 of training digits and of all test digits, and the PSNR of the latter.

    The encoder's latents are rounded to the nearest integers, without refinement.

    Args:
        count: number of training digits.
        rate: of the auto-encoder, from 0 to 1.
    """
    model, number = AUTOENCODER.model(), round(rate * (RATES - 1))
    data = digits(count)
    parts = []
    for pictures in (data.train, data.test):
        pixels = np.ascontiguousarray(pictures.reshape(len(pictures), -1).T)
        parts.append(model.quantized(model.latents(pixels, number), number))
    decoded = model.pixels(parts[1], number).T.reshape(data.test.shape)
    train, test = (codes[:, None, None] for codes in parts)
    return train, test, metrics.psnr_db(data.test, decoded)
