"""Seeds: one default, one check, one way to derive streams, and the same in every function that draws."""

import inspect

import numpy as np
import pytest
from qiskit.circuit import QuantumCircuit

import circuits
from circuits.seeds import MAX_SEED, checked_seed, stream_seed


def seeded() -> list[str]:
    """The public functions that take a seed."""
    functions = [name for name in circuits.__all__ if inspect.isfunction(getattr(circuits, name))]
    return [name for name in functions if "seed" in inspect.signature(getattr(circuits, name)).parameters]


@pytest.mark.parametrize("name", seeded())
def test_every_seed_is_a_keyword_with_the_default_0(name):
    seed = inspect.signature(getattr(circuits, name)).parameters["seed"]
    assert (seed.kind, seed.default, seed.annotation) == (inspect.Parameter.KEYWORD_ONLY, 0, int | None)
    assert "circuits.seeds" in inspect.getdoc(getattr(circuits, name))


def plus() -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    return circuit


CALLS = {
    "backend": lambda seed: [
        [about.error for about in circuits.backend("generic", n_qubits=2, seed=seed).target["cx"].values()]
    ],
    "calibrate_readout": lambda seed: (
        circuits.calibrate_readout(plus(), circuits.backend("generic", n_qubits=3), shots=5000, seed=seed).counts
    ),
    "estimate": lambda seed: circuits.estimate(plus(), [{"ZZI": 1.0}], precision=0.01, seed=seed).values,
    "generic_cx_error": lambda seed: circuits.generic_cx_error(2, seed=seed),
    "grow_transforms": lambda seed: circuits.grow_transforms(np.diag([4.0, 3, 2, 1]), max_cx=0, seed=seed)[0].angles,
    "measure_bases": lambda seed: circuits.measure_bases(plus(), [[2, 2, 2]], shots=5000, seed=seed).counts,
    "measure_interference": lambda seed: circuits.measure_interference(plus(), shots=5000, seed=seed),
    "measure_shadow": lambda seed: circuits.measure_shadow(plus(), shots=300, seed=seed).counts.sum(axis=1),
    "noisy_states": lambda seed: circuits.noisy_states(plus(), "generic", seed=seed),
    "run": lambda seed: circuits.run(plus(), shots=5000, seed=seed),
    "sample_batch": lambda seed: circuits.sample_batch(plus(), np.ones((4, 8)), shots=5000, seed=seed),
    "sample_stinespring": lambda seed: circuits.sample_stinespring([0.5, 0.5], np.eye(2) / 2, shots=5000, seed=seed),
}


def test_every_function_is_tried():
    assert {*CALLS, "run_jobs"} == set(seeded())


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_same_seed_gives_the_same_and_another_another(name):
    call = CALLS[name]
    np.testing.assert_array_equal(call(3), call(3))
    assert not np.array_equal(call(3), call(4))
    assert not np.array_equal(call(None), call(None))


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 0.5])
def test_bad_seeds_are_named(name, seed):
    with pytest.raises(ValueError, match=rf"seed must be (an integer )?in \[0, {MAX_SEED}\], but seed={seed}"):
        CALLS[name](seed)


def test_jobs_take_the_same_seeds(tmp_path):
    with pytest.raises(ValueError, match=rf"seed must be in \[0, {MAX_SEED}\], but seed=-1"):
        circuits.run_jobs([plus()], shots=1, seed=-1, file=tmp_path / "a.sqlite")


def test_streams_differ_by_seed_and_by_name():
    assert len({stream_seed(seed, name) for seed in range(20) for name in ("a", "b", "c")}) == 60
    assert all(0 <= stream_seed(seed, "a") <= MAX_SEED for seed in range(100))
    assert checked_seed(7) == 7
    assert checked_seed(None) != checked_seed(None)
