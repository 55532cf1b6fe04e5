"""Downsampled pictures: by `circuits.downsampling_circuit`, and by classical methods."""

from typing import Any

import numpy as np
import scipy.fft
from PIL import Image

import circuits
from qimg.core import Array


def published_circuit(qubits: int, kept: int) -> Any:
    """The circuit of the program that its authors published, on the registers of `circuits.downsampling_circuit`.

    Hadamards, one Fourier transform of all qubits, its inverse without the highest, and Hadamards on what is measured.
    """
    circuit = circuits.transform_circuit("walsh", 2 * qubits)
    circuit.compose(circuits.fourier_circuit(2 * qubits), inplace=True)
    low = qubits + kept
    circuit.compose(circuits.fourier_circuit(low).inverse(), range(low), inplace=True)
    circuit.h([*range(kept), *range(qubits, low)])
    return circuit


def bands(amplitudes: Array, kept: int) -> Array:
    """Amplitudes after the circuit as (bands, rows, columns), one band per value of the dropped qubits, 0 first."""
    side, small = round(np.sqrt(amplitudes.size)), 2**kept
    parts = amplitudes.reshape(side // small, small, side // small, small)
    return parts.transpose(0, 2, 1, 3).reshape(-1, small, small)


def fourier_crop(picture: Array, factor: int) -> Array:
    """The low frequencies of a square picture by FFT, at the middles of the boxes; complex, as −N/2 has no partner."""
    side = len(picture)
    small = side // factor
    frequencies = np.fft.fftfreq(small, 1 / small).astype(int)
    phase = np.exp(2j * np.pi * frequencies * (factor - 1) / 2 / side)
    low = np.fft.fft2(picture)[np.ix_(frequencies, frequencies)] * np.outer(phase, phase)
    return np.fft.ifft2(low) / factor**2


def box_average(picture: Array, factor: int) -> Array:
    """Means of factor×factor boxes, not rounded."""
    small = len(picture) // factor
    return picture.reshape(small, factor, small, factor).mean(axis=(1, 3))


def lanczos(picture: Array, side: int) -> Array:
    """Resized to a square by Pillow, in floating point."""
    image = Image.fromarray(np.asarray(picture, dtype=np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS), dtype=float)


def block_cosines(picture: Array, factor: int) -> Array:
    """Downsampling of JPEG decoders: the low corner of the DCT of each 8×8 block, transformed back at its size."""
    blocks, kept = len(picture) // 8, 8 // factor
    cut = picture.reshape(blocks, 8, blocks, 8).transpose(0, 2, 1, 3)
    corner = scipy.fft.dctn(cut, axes=(2, 3), norm="ortho")[..., :kept, :kept]
    small = scipy.fft.idctn(corner, axes=(2, 3), norm="ortho") / factor
    return np.asarray(small).transpose(0, 2, 1, 3).reshape(blocks * kept, blocks * kept)
