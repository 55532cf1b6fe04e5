"""Quantum circuits for images: preparation, transforms, channels, backends and sampling.

Integer k of a vector is basis state k of the register and bit b of k is qubit b, so arrays and circuits share one
index order and nothing is reversed anywhere.
"""

from circuits.ansatz import Preparation
from circuits.backends import backend, measured_qubits, run, statevectors
from circuits.batch import equal_slope, preparation_paths, prepare_batch
from circuits.channels import (
    apply_kraus,
    apply_stinespring,
    kraus_circuit,
    sample_stinespring,
    stinespring_circuit,
)
from circuits.expectations import Estimates, estimate
from circuits.files import circuit_bytes, draw_circuit, load_circuit
from circuits.images import ImageCost, image_circuit, image_cost
from circuits.intervals import WITH_INTERVALS, amplitude_interval, decode_intervals, probability_interval
from circuits.jobs import jobs_done, run_jobs
from circuits.low_cost_klt import GrownTransform, coding_gain_db, grow_transforms, leading_klt_circuit
from circuits.matrix_product import LayeredPreparation, prepare_train, prepare_train_in_layers
from circuits.noise import generic_cx_error, mixed_patches, noise_model, noisy_states
from circuits.pauli_counts import (
    Expectation,
    PauliCounts,
    all_bases,
    draw_bases,
    measure_bases,
    measure_shadow,
    observable_interval,
    pauli_interval,
    unbiased_state,
)
from circuits.preparation import prepare, template, template_angles
from circuits.readout import Mitigated, ReadoutCalibration, calibrate_readout, mitigate
from circuits.representations import (
    EncodedImage,
    compress_image,
    decode_counts,
    decode_state,
    encode_image,
    image_state,
)
from circuits.sampling import amplitude_moduli, run_template, sample_batch, transform_batch
from circuits.signs import (
    SignedAmplitudes,
    interference_circuits,
    measure_interference,
    reference_state,
    signed_amplitudes,
    signed_by_reference,
)
from circuits.structured import cosine_circuit, downsampling_circuit, fourier_circuit, fourier_error, haar_circuit
from circuits.tomography import LikelihoodFit, entry_errors, maximum_likelihood, nearest_state, projected_inversion
from circuits.transforms import GateCount, compile_circuit, count_gates, transform_circuit, transform_unitary
from circuits.truncated_runs import TruncatedRun, run_truncated

__all__ = [
    "EncodedImage",
    "Estimates",
    "Expectation",
    "GateCount",
    "GrownTransform",
    "ImageCost",
    "LayeredPreparation",
    "LikelihoodFit",
    "Mitigated",
    "PauliCounts",
    "Preparation",
    "ReadoutCalibration",
    "SignedAmplitudes",
    "TruncatedRun",
    "WITH_INTERVALS",
    "all_bases",
    "amplitude_interval",
    "amplitude_moduli",
    "apply_kraus",
    "apply_stinespring",
    "backend",
    "calibrate_readout",
    "circuit_bytes",
    "coding_gain_db",
    "compile_circuit",
    "compress_image",
    "cosine_circuit",
    "count_gates",
    "decode_counts",
    "decode_intervals",
    "decode_state",
    "downsampling_circuit",
    "draw_bases",
    "draw_circuit",
    "encode_image",
    "entry_errors",
    "equal_slope",
    "estimate",
    "fourier_circuit",
    "fourier_error",
    "generic_cx_error",
    "grow_transforms",
    "haar_circuit",
    "image_circuit",
    "image_cost",
    "image_state",
    "interference_circuits",
    "jobs_done",
    "kraus_circuit",
    "leading_klt_circuit",
    "load_circuit",
    "maximum_likelihood",
    "measure_bases",
    "measure_interference",
    "measure_shadow",
    "measured_qubits",
    "mitigate",
    "mixed_patches",
    "nearest_state",
    "noise_model",
    "noisy_states",
    "observable_interval",
    "pauli_interval",
    "preparation_paths",
    "prepare",
    "prepare_batch",
    "prepare_train",
    "prepare_train_in_layers",
    "probability_interval",
    "projected_inversion",
    "reference_state",
    "run",
    "run_jobs",
    "run_template",
    "run_truncated",
    "sample_batch",
    "sample_stinespring",
    "signed_amplitudes",
    "signed_by_reference",
    "statevectors",
    "stinespring_circuit",
    "template",
    "template_angles",
    "transform_batch",
    "transform_circuit",
    "transform_unitary",
    "unbiased_state",
]
