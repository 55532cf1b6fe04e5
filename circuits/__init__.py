"""Quantum circuits for images: preparation, transforms, channels, backends and sampling.

Integer k of a vector is basis state k of the register and bit b of k is qubit b, so arrays and circuits share one
index order and nothing is reversed anywhere.
"""

from circuits.backends import backend, run, statevectors
from circuits.channels import (
    apply_kraus,
    apply_stinespring,
    kraus_circuit,
    sample_stinespring,
    stinespring_circuit,
)
from circuits.matrix_product import LayeredPreparation, prepare_train, prepare_train_in_layers
from circuits.preparation import prepare, template, template_angles
from circuits.sampling import amplitude_moduli, run_template, sample_batch, transform_batch
from circuits.transforms import GateCount, compile_circuit, count_gates, transform_circuit, transform_unitary

__all__ = [
    "GateCount",
    "LayeredPreparation",
    "amplitude_moduli",
    "apply_kraus",
    "apply_stinespring",
    "backend",
    "compile_circuit",
    "count_gates",
    "kraus_circuit",
    "prepare",
    "prepare_train",
    "prepare_train_in_layers",
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
