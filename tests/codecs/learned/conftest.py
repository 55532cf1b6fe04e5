"""A small model with random weights, so that the laws are tested on more than what training leads to."""

import pytest

pytest.importorskip("torch")

import torch

from qimg.codecs.learned.design import Design
from qimg.codecs.learned.training.network import Network
from qimg.codecs.learned.training.pool import block_basis
from qimg.codecs.learned.training.recipe import assemble
from qimg.images import bundled
from qimg.learning.fixed_point import set_rounding


def random_network(design: Design, *, seed: int = 0) -> Network:
    """A network near its start, with random changes of all parts."""
    torch.manual_seed(seed)
    network = Network(design, block_basis([bundled("coffee")], design.channels)).eval()
    with torch.no_grad():
        for value in (network.finer, network.larger):
            value.normal_(0, 0.05)
        for value in (network.analysis_change, network.synthesis_change):
            value.normal_(0, 0.02)
        if network.restoration is not None:
            network.restoration.last.weight.normal_(0, 0.05)
    set_rounding(network, True)
    return network


@pytest.fixture(scope="session")
def network() -> Network:
    """The network of `model`."""
    return random_network(Design(bands=(1, 3, 6), hidden=(8,), width=4, blocks=1))


@pytest.fixture(scope="session")
def model(network):
    """A small model."""
    return assemble(network, {})
