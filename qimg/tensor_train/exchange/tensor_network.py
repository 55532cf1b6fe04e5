"""Trains as nodes and as matrix-product states of the package TensorNetwork.

The package is imported when a function is called. Nodes are its representation of any network: its contractors accept
them, and other nodes can be connected to their edges.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from qimg.core import require
from qimg.tensor_train.train import TensorTrain

if TYPE_CHECKING:
    from tensornetwork import FiniteMPS, Node

AXES = ("left", "level", "right")
"""Names of a node's edges; the first node has no left edge, the last no right edge."""


def to_nodes(train: TensorTrain) -> "list[Node]":
    """The train as connected nodes (`tensornetwork.Node`), one for each site, with edges "left", "level" and "right".

    Contraction with the level edges in order results in the tensor of the train:
    `contractors.greedy(nodes, output_edge_order=[node["level"] for node in nodes])`.
    """
    from tensornetwork import Node

    last = len(train.cores) - 1
    nodes = []
    for site, core in enumerate(train.cores):
        inner = core.reshape(core.shape[(site == 0) : 3 - (site == last)])
        nodes.append(Node(inner.copy(), f"site {site}", [*AXES[(site == 0) : 3 - (site == last)]], backend="numpy"))
    for before, after in pairwise(nodes):
        before["right"] ^ after["left"]
    return nodes


def from_nodes(nodes: "Sequence[Node]") -> TensorTrain:
    """The train of nodes with the edges of `to_nodes`, in the order of the sites; their axes may be in any order."""
    cores = []
    for site, node in enumerate(nodes):
        names = list(AXES[(site == 0) : 3 - (site == len(nodes) - 1)])
        require(sorted(node.axis_names) == sorted(names), "nodes", f"must have the edges {names}", node.axis_names)
        tensor = np.transpose(np.array(node.tensor), [node.axis_names.index(name) for name in names])
        level = tensor.shape[names.index("level")]
        cores.append(tensor.reshape(1 if site == 0 else len(tensor), level, -1))
    return TensorTrain(cores)


def to_tensornetwork(train: TensorTrain) -> "FiniteMPS":
    """The train as `tensornetwork.FiniteMPS` with unchanged cores: no canonical form is imposed.

    `FiniteMPS.position` of version 0.4.6 moves the centre but cannot truncate; `compress` can.
    """
    from tensornetwork import FiniteMPS

    return FiniteMPS([core.copy() for core in train.cores], canonicalize=False, backend="numpy")


def from_tensornetwork(state: "FiniteMPS") -> TensorTrain:
    """The train of a `tensornetwork.FiniteMPS` with the NumPy backend."""
    return TensorTrain([np.array(tensor) for tensor in state.tensors])
