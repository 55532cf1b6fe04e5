"""Conversion of trains to and from other programs: nodes and states of TensorNetwork, states of quimb and of Aer.

No other folder imports TensorNetwork or quimb, and no computation of the toolkit uses them.
"""

from qimg.tensor_train.exchange.aer import from_aer, to_aer
from qimg.tensor_train.exchange.quimb import from_quimb, to_quimb
from qimg.tensor_train.exchange.tensor_network import from_nodes, from_tensornetwork, to_nodes, to_tensornetwork

__all__ = [
    "from_aer",
    "from_nodes",
    "from_quimb",
    "from_tensornetwork",
    "to_aer",
    "to_nodes",
    "to_quimb",
    "to_tensornetwork",
]
