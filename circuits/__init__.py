"""Quantum circuits for images: preparation, transforms, channels, backends and sampling.

Component k of a vector is the amplitude of basis state k of the register, and bit b of k is qubit b. Arrays and
circuits share this index order; bits are never reversed.
"""

from circuits import _qiskit  # noqa: F401 (before all other imports)
from circuits.algorithms.block_encoding import BlockEncoding, block_encoding, picture_block_encoding
from circuits.algorithms.copies import overlap, purity_from_copies, renyi_entropy, swap_test, trace_power
from circuits.algorithms.ensembles import ensemble_average, ensemble_circuit, purification_circuit
from circuits.algorithms.exponentiation import (
    exponentiation_circuit,
    exponentiation_copies,
    hadamard_signal,
    partial_swap,
    superoperator_copy,
    swap_step,
)
from circuits.algorithms.functions import (
    OperatorFunction,
    low_rank_projection,
    matrix_inverse,
    matrix_square_root,
    operator_function,
    wiener_filter,
)
from circuits.algorithms.phase_angles import PhaseAngles, phase_angles
from circuits.algorithms.phase_register import PhaseRegister, phase_register, phase_register_circuit
from circuits.algorithms.polynomials import Polynomial, approximate
from circuits.algorithms.principal_components import PrincipalComponents, quantum_pca
from circuits.algorithms.singular_values import (
    FunctionResult,
    SampledFunction,
    apply_function,
    sample_function,
    transformation_circuit,
)
from circuits.compilation import GateCount, compile_circuit, count_gates
from circuits.execution.backends import backend, measured_qubits, run, statevectors
from circuits.execution.expectations import Estimates, estimate
from circuits.execution.files import circuit_bytes, draw_circuit, load_circuit
from circuits.execution.gradients import Gradient, Shift, estimate_gradient, shift_circuits
from circuits.execution.job_files import JobFileError
from circuits.execution.jobs import jobs_done, run_jobs
from circuits.execution.sampling import amplitude_moduli, run_template, sample_batch, transform_batch
from circuits.execution.truncated_runs import TruncatedRun, run_truncated
from circuits.learning.kernels import fidelity_kernel, overlap_circuit
from circuits.learning.variational import VariationalClassifier, fit_variational
from circuits.noise.channels import (
    apply_kraus,
    apply_stinespring,
    kraus_circuit,
    sample_stinespring,
    stinespring_circuit,
)
from circuits.noise.models import generic_cx_error, mixed_patches, noise_model, noisy_states
from circuits.preparation.ansatz import Preparation
from circuits.preparation.batch import equal_slope, preparation_paths, prepare_batch
from circuits.preparation.layers import prepare_in_layers
from circuits.preparation.sets import PreparationSet
from circuits.preparation.states import prepare, template, template_angles
from circuits.preparation.store import PreparationStore
from circuits.preparation.tensor_trains import LayeredPreparation, prepare_train, prepare_train_in_layers
from circuits.processing.adders import constant_adder, register_adder
from circuits.processing.comparison import PictureComparison, compare_pictures
from circuits.processing.edges import EdgePicture, difference_circuit, edge_detection
from circuits.processing.geometry import flip_picture, rotate_picture, shift_picture, transpose_picture
from circuits.processing.levels import add_level, add_pictures, negate_picture, threshold_picture
from circuits.processing.operation import PictureOperation, ProcessedPicture, process_picture
from circuits.readout.intervals import amplitude_interval, decode_intervals, probability_interval
from circuits.readout.mitigation import Mitigated, ReadoutCalibration, calibrate_readout, mitigate
from circuits.readout.observed import MitigatedOutcomes, mitigate_observed
from circuits.readout.pauli_counts import (
    Expectation,
    PauliCounts,
    all_bases,
    draw_bases,
    measure_bases,
    observable_interval,
    pauli_interval,
    unbiased_state,
)
from circuits.readout.shadow_estimates import ShadowEstimates, shadow_expectations, shadow_fidelity
from circuits.readout.shadows import Shadow, draw_shadow, measure_shadow
from circuits.readout.signs import (
    SignedAmplitudes,
    interference_circuits,
    measure_interference,
    reference_state,
    signed_amplitudes,
    signed_by_reference,
)
from circuits.readout.tomography import (
    LikelihoodFit,
    entry_errors,
    maximum_likelihood,
    nearest_state,
    projected_inversion,
)
from circuits.readout.zero_noise import Extrapolated, extrapolate, fold_circuit, zero_noise_scales
from circuits.representation.amplitudes import Amplitudes
from circuits.representation.colour_angles import ColourAngles
from circuits.representation.digits import DigitAngles
from circuits.representation.encodings import (
    compress_image,
    decode_counts,
    decode_state,
    encode_image,
    image_circuit,
    image_cost,
    image_state,
)
from circuits.representation.protocol import EncodedImage, LoadedContents, PixelProbabilities, Representation
from circuits.representation.registry import REPRESENTATIONS, WITH_INTERVALS, representation_of
from circuits.representation.transformed import TransformedAmplitudes
from circuits.representation.trial import register_representation
from circuits.transforms.low_cost_klt import GrownTransform, coding_gain_db, grow_transforms, leading_klt_circuit
from circuits.transforms.structured import (
    cosine_circuit,
    downsampling_circuit,
    fourier_circuit,
    fourier_error,
    haar_circuit,
)
from circuits.transforms.unitaries import transform_circuit, transform_unitary

__all__ = [
    "Amplitudes",
    "BlockEncoding",
    "ColourAngles",
    "LoadedContents",
    "DigitAngles",
    "EdgePicture",
    "EncodedImage",
    "Estimates",
    "Expectation",
    "Extrapolated",
    "FunctionResult",
    "GateCount",
    "Gradient",
    "GrownTransform",
    "JobFileError",
    "LayeredPreparation",
    "LikelihoodFit",
    "Mitigated",
    "MitigatedOutcomes",
    "OperatorFunction",
    "PauliCounts",
    "PhaseAngles",
    "PhaseRegister",
    "PictureComparison",
    "PictureOperation",
    "PixelProbabilities",
    "Polynomial",
    "Preparation",
    "PreparationSet",
    "PreparationStore",
    "PrincipalComponents",
    "ProcessedPicture",
    "REPRESENTATIONS",
    "ReadoutCalibration",
    "Representation",
    "SampledFunction",
    "Shadow",
    "ShadowEstimates",
    "Shift",
    "SignedAmplitudes",
    "TransformedAmplitudes",
    "TruncatedRun",
    "VariationalClassifier",
    "WITH_INTERVALS",
    "add_level",
    "add_pictures",
    "all_bases",
    "amplitude_interval",
    "amplitude_moduli",
    "apply_function",
    "apply_kraus",
    "apply_stinespring",
    "approximate",
    "backend",
    "block_encoding",
    "calibrate_readout",
    "circuit_bytes",
    "coding_gain_db",
    "compare_pictures",
    "compile_circuit",
    "compress_image",
    "constant_adder",
    "cosine_circuit",
    "count_gates",
    "decode_counts",
    "decode_intervals",
    "decode_state",
    "difference_circuit",
    "downsampling_circuit",
    "draw_bases",
    "draw_circuit",
    "edge_detection",
    "draw_shadow",
    "encode_image",
    "ensemble_average",
    "ensemble_circuit",
    "entry_errors",
    "equal_slope",
    "estimate",
    "estimate_gradient",
    "exponentiation_circuit",
    "exponentiation_copies",
    "flip_picture",
    "fidelity_kernel",
    "fit_variational",
    "extrapolate",
    "fold_circuit",
    "fourier_circuit",
    "fourier_error",
    "generic_cx_error",
    "grow_transforms",
    "haar_circuit",
    "hadamard_signal",
    "image_circuit",
    "image_cost",
    "image_state",
    "interference_circuits",
    "jobs_done",
    "kraus_circuit",
    "leading_klt_circuit",
    "load_circuit",
    "low_rank_projection",
    "matrix_inverse",
    "matrix_square_root",
    "maximum_likelihood",
    "measure_bases",
    "measure_interference",
    "measure_shadow",
    "measured_qubits",
    "mitigate",
    "mitigate_observed",
    "mixed_patches",
    "nearest_state",
    "negate_picture",
    "noise_model",
    "noisy_states",
    "observable_interval",
    "operator_function",
    "overlap",
    "overlap_circuit",
    "partial_swap",
    "pauli_interval",
    "phase_angles",
    "phase_register",
    "phase_register_circuit",
    "picture_block_encoding",
    "preparation_paths",
    "prepare",
    "prepare_batch",
    "prepare_in_layers",
    "prepare_train",
    "prepare_train_in_layers",
    "probability_interval",
    "process_picture",
    "projected_inversion",
    "purification_circuit",
    "purity_from_copies",
    "quantum_pca",
    "reference_state",
    "register_adder",
    "register_representation",
    "renyi_entropy",
    "representation_of",
    "rotate_picture",
    "run",
    "run_jobs",
    "run_template",
    "run_truncated",
    "sample_batch",
    "sample_function",
    "sample_stinespring",
    "shift_picture",
    "shadow_expectations",
    "shadow_fidelity",
    "shift_circuits",
    "signed_amplitudes",
    "signed_by_reference",
    "statevectors",
    "stinespring_circuit",
    "superoperator_copy",
    "swap_step",
    "swap_test",
    "template",
    "template_angles",
    "threshold_picture",
    "trace_power",
    "transform_batch",
    "transform_circuit",
    "transform_unitary",
    "transformation_circuit",
    "transpose_picture",
    "unbiased_state",
    "wiener_filter",
    "zero_noise_scales",
]
