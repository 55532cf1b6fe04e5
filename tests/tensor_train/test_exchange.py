"""Trains in the forms of TensorNetwork, quimb and Aer: the same vector there and back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import random_statevector
from qiskit_aer import AerSimulator

from qimg import tensor_train as tt
from qimg.core import Array


def a_train(*, complex_: bool = True) -> tt.TensorTrain:
    real, imaginary = np.random.default_rng(5).normal(size=(2, 2 * 3 * 4 * 2))
    return tt.decompose(real + 1j * imaginary if complex_ else real, (2, 3, 4, 2)).train


@pytest.mark.parametrize("complex_", [False, True])
def test_tensornetwork(complex_: bool) -> None:
    train = a_train(complex_=complex_)
    state = tt.to_tensornetwork(train)
    assert [tensor.shape for tensor in state.tensors] == [core.shape for core in train.cores]
    assert_allclose(tt.from_tensornetwork(state).dense(), train.dense(), rtol=0, atol=0)
    # Its own arithmetic sees the same vector: ⟨x|x⟩ by its environments, after its canonical form.
    state.center_position = 0
    state.position(3, normalize=False)
    state.position(0, normalize=False)
    assert_allclose(tt.from_tensornetwork(state).dense(), train.dense(), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("complex_", [False, True])
def test_nodes_contract_to_the_tensor(complex_: bool) -> None:
    from tensornetwork import contractors

    train = a_train(complex_=complex_)
    nodes = tt.to_nodes(train)
    assert_allclose(tt.from_nodes(nodes).dense(), train.dense(), rtol=0, atol=0)
    nodes[1].reorder_axes([2, 0, 1])
    assert_allclose(tt.from_nodes(nodes).dense(), train.dense(), rtol=0, atol=0)
    whole = contractors.greedy(nodes, output_edge_order=[node["level"] for node in nodes])
    assert whole.shape == train.dims
    assert_allclose(whole.tensor.ravel(), train.dense(), atol=1e-13)


def test_nodes_of_a_network_contract_to_the_inner_product() -> None:
    from tensornetwork import contractors

    ket, bra = a_train(), a_train().conj()
    both = [tt.to_nodes(train) for train in (ket, bra)]
    for lower, upper in zip(*both, strict=True):
        lower["level"] ^ upper["level"]
    result = contractors.greedy([*both[0], *both[1]])
    assert result.tensor == pytest.approx(tt.norm(ket) ** 2, rel=1e-13)


def test_one_node_is_its_vector() -> None:
    single = tt.product_train([[1.0, 2.0]])
    (node,) = tt.to_nodes(single)
    assert_allclose(node.tensor, [1.0, 2.0])
    assert_allclose(tt.from_nodes([node]).dense(), [1.0, 2.0])
    with pytest.raises(ValueError, match="nodes must have the edges"):
        tt.from_nodes([node, node])


@pytest.mark.parametrize("complex_", [False, True])
def test_quimb(complex_: bool) -> None:
    pytest.importorskip("quimb.tensor", reason="quimb is not installed (extra peers)")
    train = a_train(complex_=complex_)
    state = tt.to_quimb(train)
    assert_allclose(state.to_dense().ravel(), train.dense(), atol=1e-13)
    assert state.bond_sizes() == list(train.bonds)
    assert_allclose(tt.from_quimb(state).dense(), train.dense(), atol=1e-13)


@pytest.mark.slow
def test_quimb_sees_the_same_entropies() -> None:
    quimb = pytest.importorskip("quimb.tensor", reason="quimb is not installed (extra peers)")
    train = a_train(complex_=False)
    theirs = quimb.MatrixProductState.from_dense(train.dense(), train.dims)
    assert_allclose(tt.from_quimb(theirs).dense(), train.dense(), atol=1e-12)
    theirs.normalize()
    for cut, entropy in enumerate(tt.entanglement_entropy(train), start=1):
        assert theirs.entropy(cut) == pytest.approx(entropy, abs=1e-10)


@pytest.mark.slow
def test_quimbs_ends() -> None:
    quimb = pytest.importorskip("quimb.tensor", reason="quimb is not installed (extra peers)")
    single = tt.product_train([[1.0, 2.0]])
    assert_allclose(tt.from_quimb(tt.to_quimb(single)).dense(), [1.0, 2.0])
    with pytest.raises(ValueError, match="state must have open ends, but is cyclic"):
        tt.from_quimb(quimb.MPS_rand_state(4, 2, cyclic=True))


def by_quimb(vector: Array, bond: int) -> Array:
    from quimb.tensor import MatrixProductState

    return MatrixProductState.from_dense(vector, 2, max_bond=bond, cutoff=0.0).to_dense().ravel()


@pytest.mark.slow
def test_truncation_is_quimbs() -> None:
    pytest.importorskip("quimb.tensor", reason="quimb is not installed (extra peers)")
    vector = np.cumsum(np.random.default_rng(0).normal(size=2**10))
    ours = tt.decompose(vector, (2,) * 10, bond=5).train.dense()
    # Gram matrices see half the digits.
    assert_allclose(ours, by_quimb(vector, 5), atol=1e-7 * np.linalg.norm(vector))


def saved(circuit: QuantumCircuit) -> dict:
    circuit.save_matrix_product_state()
    circuit.save_statevector()
    return AerSimulator(method="matrix_product_state").run(circuit).result().data(0)


@pytest.mark.parametrize("complex_", [False, True])
def test_aer_holds_the_train(complex_: bool) -> None:
    train = tt.normalize(tt.binary_sites(a_train(complex_=complex_)))
    circuit = QuantumCircuit(6)
    circuit.set_matrix_product_state(tt.to_aer(3.0 * train))
    result = saved(circuit)
    assert_allclose(np.asarray(result["statevector"]), train.dense(), atol=1e-12)
    assert_allclose(tt.from_aer(result["matrix_product_state"]).dense(), train.dense(), atol=1e-12)


def test_a_state_of_aer_is_a_train() -> None:
    state = random_statevector(32, seed=1).data
    circuit = QuantumCircuit(5)
    circuit.set_matrix_product_state(tt.to_aer(tt.decompose(state, (2,) * 5).train))
    circuit.h(0)
    circuit.cx(0, 4)
    result = saved(circuit)
    assert_allclose(tt.from_aer(result["matrix_product_state"]).dense(), np.asarray(result["statevector"]), atol=1e-12)


def test_schmidt_values_that_vanish_are_not_divided_by() -> None:
    ghz = np.zeros(16)
    ghz[[0, 15]] = 1.0
    train = tt.decompose(ghz, (2,) * 4).train
    gammas, schmidt = tt.to_aer(train + train)
    assert [len(values) for values in schmidt] == [2, 2, 2]
    assert all(np.isfinite(matrix).all() for pair in gammas for matrix in pair)


def test_aer_takes_qubits_alone() -> None:
    with pytest.raises(ValueError, match=r"train must have sites of two levels \(see binary_sites\), but train=\(2, 3"):
        tt.to_aer(a_train())
