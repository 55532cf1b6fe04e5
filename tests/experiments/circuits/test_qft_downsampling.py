"""Downsampling by QFT: the circuit is the FFT crop, and the counts say what the probabilities do."""

import functools

import numpy as np
import pytest

import circuits
from experiments._run import runner
from experiments.circuits import qft_downsampling
from experiments.circuits.downsampling import bands, block_cosines, box_average, fourier_crop, lanczos
from qimg import images

# Some hundred gates, each right to 1e-12 or so after compiling.
ENTRY = 1e-10


@functools.cache
def measured() -> list:
    return runner.measure("qft_downsampling", qft_downsampling.TINY).rows


def amplitudes(picture: np.ndarray, kept: int) -> np.ndarray:
    """Bands after the circuit, with the norm of the picture."""
    qubits = len(picture).bit_length() - 1
    circuit = circuits.downsampling_circuit(qubits, kept=kept)
    return bands(circuits.transform_batch(circuit, picture.reshape(1, -1))[0], kept)


@pytest.mark.parametrize(("qubits", "kept"), [(2, 1), (3, 1), (3, 2), (4, 2), (5, 3), (3, 3)])
def test_post_selected_circuit_is_the_fft_crop(qubits, kept):
    picture = np.random.default_rng(qubits).standard_normal((2**qubits, 2**qubits))
    factor = 2 ** (qubits - kept)
    found = amplitudes(picture, kept)[0]
    np.testing.assert_allclose(found / factor, fourier_crop(picture, factor), rtol=0, atol=ENTRY)


def test_kept_energy_is_that_of_the_low_frequencies():
    picture = images.luma(images.bundled("coffee"))[100:132, 200:232]
    spectrum = np.fft.fft2(picture, norm="ortho")
    low = np.r_[0:4, 28:32]
    after = amplitudes(picture, 3)
    energy = (np.abs(after) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(energy[0], (np.abs(spectrum[np.ix_(low, low)]) ** 2).sum(), rtol=ENTRY)
    np.testing.assert_allclose(energy.sum(), (picture**2).sum(), rtol=ENTRY)


def test_every_band_has_the_frequencies_that_its_dropped_qubits_say():
    """In one picture row's direction: k with the low bits j and the high bits h, turned over where j is negative."""
    picture = np.random.default_rng(1).standard_normal((8, 8))
    spectrum, expected = np.fft.fft2(picture, norm="ortho"), np.zeros((4, 4))
    place = [((k // 4) ^ (1 if k % 4 >= 2 else 0)) for k in range(8)]
    for row in range(8):
        for column in range(8):
            expected[place[row], place[column]] += np.abs(spectrum[row, column]) ** 2
    energy = (np.abs(amplitudes(picture, 2)) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(energy, [*expected[:2, :2].ravel()], rtol=ENTRY)


def test_slow_waves_are_sampled_at_the_middles_of_boxes():
    at = np.arange(64)
    wave = 128 + 50 * np.cos(2 * np.pi * 3 * (at[:, None] + 0.5) / 64 + 1) * np.ones(64)
    middle = (np.arange(16) * 4 + 1.5 + 0.5)[:, None]
    expected = 128 + 50 * np.cos(2 * np.pi * 3 * middle / 64 + 1) * np.ones(16)
    np.testing.assert_allclose(fourier_crop(wave, 4), expected, rtol=0, atol=ENTRY)


def test_classical_ways_keep_a_constant():
    flat = np.full((32, 32), 77.0)
    for small in (box_average(flat, 4), lanczos(flat, 8), block_cosines(flat, 4), np.abs(fourier_crop(flat, 4))):
        # Pillow resizes in single precision.
        np.testing.assert_allclose(small, np.full((8, 8), 77.0), rtol=0, atol=1e-4)


def test_the_mean_of_a_box_is_the_probability_of_its_position_qubits():
    roots = [row for row in measured() if (row.encoding, row.shots) == (qft_downsampling.ROOTS, 0)]
    by_method = {
        name: [row for row in roots if row.method == name]
        for name in (qft_downsampling.POSITIONS, qft_downsampling.FULL)
    }
    for rows in by_method.values():
        assert rows
        assert all(np.isinf(row.box_psnr_db) for row in rows)
    assert all(row.cx == 0 and row.qubits == 6 for row in by_method[qft_downsampling.POSITIONS])


def test_the_published_circuit_reads_boxes_as_the_position_qubits_do():
    """Not exactly: the transforms of the whole register move a little between neighbours."""
    published = [row for row in measured() if (row.method, row.shots) == (qft_downsampling.PUBLISHED, 0)]
    assert published
    for row in published:
        if row.encoding == qft_downsampling.ROOTS:
            # Boxes and FFT crops of these photographs are 20 to 30 dB apart.
            assert row.box_psnr_db > row.crop_psnr_db


def test_the_circuit_gives_the_crop_of_every_photograph():
    exact = [row for row in measured() if row.method == qft_downsampling.POSTSELECTED and row.shots == 0]
    assert {row.encoding for row in exact} == {"levels", "roots"}
    for row in exact:
        assert row.difference < ENTRY
        assert 0.5 < row.success < 1
        assert np.isinf(row.crop_psnr_db) == (row.encoding == "levels")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encodings": ("angles",)}, "encodings must be one of levels, roots, but encodings='angles'"),
        ({"encodings": ()}, "encodings must hold at least one value"),
        ({"factor": 3}, "factor must be one of 2, 4, 8, but factor='3'"),
        ({"side": 1}, "side must be an integer of at least 2, but side=1"),
        ({"shots": (0,)}, "shots must be an integer of at least 1, but shots=0"),
        ({"repeats": 0}, "repeats must be an integer of at least 1, but repeats=0"),
        ({"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        qft_downsampling.run(qft_downsampling.Params(**change))


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match=r"kept must be in \[1, 3\], but kept=4"):
        circuits.downsampling_circuit(3, kept=4)
    with pytest.raises(ValueError, match="n_qubits must be an integer of at least 1, but n_qubits=0"):
        circuits.downsampling_circuit(0, kept=1)
