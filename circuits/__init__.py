"""Quantum circuits for images: preparation, transforms, channels, backends and sampling.

Integer k of a vector is basis state k of the register and bit b of k is qubit b, so arrays and circuits share one
index order and nothing is reversed anywhere.
"""

from circuits.ansatz import Preparation
from circuits.backends import backend, run, statevectors
from circuits.batch import equal_slope, preparation_paths, prepare_batch
from circuits.channels import (
    apply_kraus,
    apply_stinespring,
    kraus_circuit,
    sample_stinespring,
    stinespring_circuit,
)
from circuits.images import ImageCost, image_circuit, image_cost
from circuits.matrix_product import LayeredPreparation, prepare_train, prepare_train_in_layers
from circuits.preparation import prepare, template, template_angles
from circuits.representations import (
    EncodedImage,
    compress_image,
    decode_counts,
    decode_state,
    encode_image,
    image_state,
)
from circuits.sampling import amplitude_moduli, run_template, sample_batch, transform_batch
from circuits.transforms import GateCount, compile_circuit, count_gates, transform_circuit, transform_unitary

__all__ = [
    "EncodedImage",
    "GateCount",
    "LayeredPreparation",
    "ImageCost",
    "Preparation",
    "amplitude_moduli",
    "apply_kraus",
    "apply_stinespring",
    "backend",
    "compile_circuit",
    "compress_image",
    "count_gates",
    "decode_counts",
    "decode_state",
    "encode_image",
    "equal_slope",
    "image_circuit",
    "image_cost",
    "image_state",
    "kraus_circuit",
    "preparation_paths",
    "prepare",
    "prepare_train",
    "prepare_train_in_layers",
    "prepare_batch",
    "run",
    "run_template",
    "sample_batch",
    "sample_stinespring",
    "statevectors",
    "stinespring_circuit",
    "template",
    "template_angles",
    "transform_batch",
    "transform_circuit",
    "transform_unitary",
]
