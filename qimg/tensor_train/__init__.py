"""Tensor trains: pictures and correlation operators as matrix-product states and operators.

A train stores a vector over several sites as one small core for each site. A `Layout` assigns the bits of a pixel's
index to the sites. All arithmetic works on the cores, without the full vector.
"""

from qimg.tensor_train.algebra import (
    fidelity,
    inner,
    log_fidelity,
    log_norm,
    norm,
    normalize,
    reduced_density_matrix,
)
from qimg.tensor_train.born.completion import complete, log_marginal, pixel_probabilities
from qimg.tensor_train.born.machine import BornMachine, PixelReader, machine_from_train
from qimg.tensor_train.born.mixture import fit_mixture, mixture_machine
from qimg.tensor_train.born.training import one_site_sweep, two_site_sweep
from qimg.tensor_train.canonical import entanglement_entropy, left_canonical, reverse, right_canonical, schmidt_values
from qimg.tensor_train.classifier.estimator import TensorTrainClassifier
from qimg.tensor_train.decomposition import Truncation, compress, decompose
from qimg.tensor_train.exchange import (
    from_aer,
    from_nodes,
    from_quimb,
    from_tensornetwork,
    to_aer,
    to_nodes,
    to_quimb,
    to_tensornetwork,
)
from qimg.tensor_train.fourier import FourierTrain, fourier_train
from qimg.tensor_train.layouts import ORDERS, Layout, layout
from qimg.tensor_train.operators import (
    OperatorTruncation,
    TrainOperator,
    apply,
    expectation,
    hilbert_schmidt,
    operator_train,
)
from qimg.tensor_train.pictures import PictureTrain, picture_train
from qimg.tensor_train.qubits import binary_sites
from qimg.tensor_train.sampling import sample
from qimg.tensor_train.train import TensorTrain, product_train

__all__ = [
    "ORDERS",
    "BornMachine",
    "FourierTrain",
    "Layout",
    "OperatorTruncation",
    "PictureTrain",
    "PixelReader",
    "TensorTrain",
    "TensorTrainClassifier",
    "TrainOperator",
    "Truncation",
    "apply",
    "binary_sites",
    "machine_from_train",
    "complete",
    "compress",
    "decompose",
    "entanglement_entropy",
    "expectation",
    "fidelity",
    "fit_mixture",
    "fourier_train",
    "from_aer",
    "from_nodes",
    "from_quimb",
    "from_tensornetwork",
    "hilbert_schmidt",
    "inner",
    "layout",
    "left_canonical",
    "log_fidelity",
    "log_marginal",
    "log_norm",
    "mixture_machine",
    "norm",
    "normalize",
    "one_site_sweep",
    "operator_train",
    "picture_train",
    "pixel_probabilities",
    "product_train",
    "reduced_density_matrix",
    "reverse",
    "right_canonical",
    "sample",
    "schmidt_values",
    "to_aer",
    "to_nodes",
    "to_quimb",
    "to_tensornetwork",
    "two_site_sweep",
]
