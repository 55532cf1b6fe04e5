"""Seeds: one default, one check, one way to derive streams, and the same in every function that draws."""

import inspect

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

import circuits
from circuits.execution.independent_jobs import SHOTS_APART, IndependentJobs
from circuits.seeds import MAX_SEED, checked_seed, simulator_seed, stream, stream_seed


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


def rotated() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    return circuit


MIXED = np.diag([0.7, 0.3])

HALVES = [circuits.encode_image([[10.0, one]], "amplitude") for one in (20.0, 200.0)]

CALLS = {
    "backend": lambda seed: [
        [about.error for about in circuits.backend("generic", n_qubits=2, seed=seed).target["cx"].values()]
    ],
    "calibrate_readout": lambda seed: (
        circuits.calibrate_readout(plus(), circuits.backend("generic", n_qubits=3), shots=5000, seed=seed).counts
    ),
    "compare_pictures": lambda seed: circuits.compare_pictures(*HALVES, shots=5000, seed=seed).fidelity.value,
    "edge_detection": lambda seed: circuits.edge_detection(np.eye(4), shots=5000, seed=seed).rows,
    "estimate": lambda seed: circuits.estimate(plus(), [{"ZZI": 1.0}], precision=0.01, seed=seed).values,
    "fidelity_kernel": lambda seed: circuits.fidelity_kernel(np.eye(8) + 0.3, shots=5000, seed=seed),
    "fit_variational": lambda seed: circuits.fit_variational(np.eye(4), [0, 1, 0, 1], iterations=2, seed=seed).angles,
    "estimate_gradient": lambda seed: np.ravel(
        [
            (found := circuits.estimate_gradient(rotated(), [0.4], [{"Z": 1.0}], precision=0.01, seed=seed)).values,
            found.gradient[0],
        ]
    ),
    "generic_cx_error": lambda seed: circuits.generic_cx_error(2, seed=seed),
    "grow_transforms": lambda seed: circuits.grow_transforms(np.diag([4.0, 3, 2, 1]), max_cx=0, seed=seed)[0].angles,
    "measure_bases": lambda seed: circuits.measure_bases(plus(), [[2, 2, 2]], shots=5000, seed=seed).counts,
    "measure_interference": lambda seed: circuits.measure_interference(plus(), shots=5000, seed=seed),
    "measure_shadow": lambda seed: circuits.measure_shadow(plus(), shots=300, seed=seed).planes,
    "noisy_states": lambda seed: circuits.noisy_states(plus(), "generic", seed=seed),
    "overlap": lambda seed: circuits.overlap([0.6, 0.8], [0.8, 0.6], shots=5000, seed=seed).value,
    "process_picture": lambda seed: (
        circuits.process_picture(circuits.flip_picture(HALVES[0], "rows"), shots=5000, seed=seed).low
    ),
    "purity_from_copies": lambda seed: circuits.purity_from_copies(MIXED, shots=5000, seed=seed).value,
    "quantum_pca": lambda seed: circuits.quantum_pca(MIXED, shots=20_000, seed=seed).eigenvalues,
    "renyi_entropy": lambda seed: circuits.renyi_entropy(MIXED, order=3, shots=5000, seed=seed).value,
    "run": lambda seed: circuits.run(plus(), shots=5000, seed=seed),
    "sample_batch": lambda seed: circuits.sample_batch(plus(), np.ones((4, 8)), shots=5000, seed=seed),
    "sample_function": lambda seed: (
        circuits.sample_function(
            circuits.block_encoding(MIXED),
            np.ones(2),
            circuits.wiener_filter(noise=0.5),
            degree=3,
            shots=5000,
            seed=seed,
        ).counts
    ),
    "sample_stinespring": lambda seed: circuits.sample_stinespring([0.5, 0.5], np.eye(2) / 2, shots=5000, seed=seed),
    "swap_test": lambda seed: circuits.swap_test(MIXED, np.diag([0.3, 0.7]), shots=5000, seed=seed).value,
    "trace_power": lambda seed: circuits.trace_power(MIXED, order=3, shots=5000, seed=seed).value,
}


def test_every_function_is_tried():
    assert {*CALLS, "run_jobs"} == set(seeded())


@pytest.mark.parametrize("name", sorted(CALLS))
def test_the_same_seed_gives_the_same_and_another_another(name):
    call = CALLS[name]
    np.testing.assert_array_equal(call(3), call(3))
    assert not np.array_equal(call(3), call(4))
    first = call(None)
    # One number from 5000 shots is drawn twice in a row with a probability of 1 %.
    assert any(not np.array_equal(first, call(None)) for _ in range(4))


@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 0.5])
def test_bad_seeds_are_named(name, seed):
    with pytest.raises(ValueError, match=rf"seed must be (an integer )?in \[0, {MAX_SEED}\], but seed={seed}"):
        CALLS[name](seed)


def test_jobs_take_the_same_seeds(tmp_path):
    with pytest.raises(ValueError, match=rf"seed must be in \[0, {MAX_SEED}\], but seed=-1"):
        circuits.run_jobs([plus()], shots=1, seed=-1, file=tmp_path / "a.sqlite")


def test_streams_differ_by_seed_and_by_call():
    calls = [("a",), ("b",), ("a", 1000), ("a", 1001), ("a", plus()), ("a", turned(0.3)), ("a", turned(0.4)), ("ab",)]
    calls += [
        ("a", "b"),
        ("a", [2, 2]),
        ("a", [2, 0]),
        ("a", np.array([0.25])),
        ("a", np.array([0.5])),
        ("a", {"Z": 1}),
    ]
    calls += [("a", branching("x")), ("a", branching("z"))]
    seeds = {simulator_seed(stream(seed, *call)) for seed in range(20) for call in calls}
    assert len(seeds) == 20 * len(calls)
    assert all(0 <= one < 2**63 for one in seeds)
    assert len({stream_seed(seed, name) for seed in range(20) for name in ("a", "b", "c")}) == 60
    assert all(0 <= stream_seed(seed, "a") <= MAX_SEED for seed in range(100))
    assert checked_seed(7) == 7
    assert checked_seed(None) != checked_seed(None)
    assert simulator_seed(stream(None, "a")) != simulator_seed(stream(None, "a"))


def test_rounding_errors_do_not_change_a_stream():
    calls = ([turned(0.3), 0.0, np.array([0.1, 1j])], [turned(0.3 + 1e-12), -0.0, np.array([0.1 - 1e-13, 1j + 1e-13])])
    assert simulator_seed(stream(1, *calls[0])) == simulator_seed(stream(1, *calls[1]))


def turned(angle: float = np.pi / 2) -> QuantumCircuit:
    """Three qubits with an RY each, which Aer runs without compilation."""
    circuit = QuantumCircuit(3)
    circuit.ry(angle, range(3))
    return circuit


def branching(gate: str) -> QuantumCircuit:
    """A dynamic circuit, whose body alone depends on the name."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        getattr(circuit, gate)(1)
    circuit.measure(1, 1)
    return circuit


def noisy(strength: float) -> AerSimulator:
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(strength, 1), ["ry"])
    return AerSimulator(method="statevector", noise_model=model)


def misread() -> AerSimulator:
    model = NoiseModel()
    model.add_all_qubit_readout_error([[0.7, 0.3], [0.2, 0.8]])
    return AerSimulator(method="statevector", noise_model=model)


SHOTS = 400
PAIRS = {
    "numbers of shots in a call": lambda seed: circuits.run([turned()] * 2, shots=[SHOTS, SHOTS + 1], seed=seed),
    "equal circuits in a call": lambda seed: circuits.run([turned()] * 2, shots=SHOTS, seed=seed),
    "numbers of shots in two calls": lambda seed: [
        circuits.run(turned(), shots=shots, seed=seed)[0] for shots in (SHOTS, SHOTS + 1)
    ],
    "circuits in two calls": lambda seed: [
        circuits.run(turned(angle), shots=SHOTS, seed=seed)[0] for angle in (np.pi / 2, np.pi / 2 + 1e-3)
    ],
    "neighbouring seeds": lambda seed: [circuits.run(turned(), shots=SHOTS, seed=2 * seed + k)[0] for k in (0, 1)],
    "seeds that Aer takes for neighbours": lambda seed: [
        circuits.run([turned()] * 2, shots=SHOTS, seed=seed + SHOTS_APART * k)[1 - k] for k in (0, 1)
    ],
    "noise models": lambda seed: [
        circuits.run(turned(), noisy(strength), shots=SHOTS, seed=seed)[0] for strength in (0.1, 0.11)
    ],
    "neighbouring seeds with noise": lambda seed: [
        circuits.run(turned(), noisy(0.1), shots=SHOTS, seed=2 * seed + k)[0] for k in (0, 1)
    ],
    "equal bases in a call": lambda seed: (
        circuits.measure_bases(turned(), [[2] * 3] * 2, shots=SHOTS, seed=seed).counts
    ),
    "bases in two calls": lambda seed: [
        circuits.measure_bases(turned(np.pi / 4), [[basis] * 3], shots=SHOTS, seed=seed).counts[0] for basis in (0, 2)
    ],
    "functions": lambda seed: [
        circuits.run(turned(), shots=SHOTS, seed=seed)[0],
        circuits.measure_bases(turned(), [[2] * 3], shots=SHOTS, seed=seed).counts[0],
    ],
    "a run and its calibration": lambda seed: [
        circuits.run(QuantumCircuit(1), misread(), shots=SHOTS, seed=seed)[0],
        circuits.calibrate_readout(QuantumCircuit(1), misread(), shots=SHOTS, seed=seed).counts[0][0],
    ],
    "batches": lambda seed: [
        circuits.sample_batch(turned(), batch, shots=SHOTS, seed=seed).sum(axis=0) for batch in BATCHES
    ],
    "settings of interference": lambda seed: circuits.measure_interference(turned(0.0), shots=SHOTS, seed=seed)[1:3],
    "channels": lambda seed: [
        circuits.sample_stinespring([gain] * 4, np.eye(4) / 4, shots=SHOTS, seed=seed) for gain in (0.9, 0.91)
    ],
}
BATCHES = (np.eye(8)[:2], np.eye(8)[[0, 3]])


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_what_differs_is_independent(name):
    seeds = 16
    first, second = np.moveaxis([PAIRS[name](seed) for seed in range(seeds)], 1, 0)
    assert (first != second).any(axis=1).all()
    spread = [rows - rows.mean(axis=0) for rows in (first, second)]
    scale = [np.maximum(rows.std(axis=0), 1e-9) for rows in spread]
    together = (spread[0] * spread[1] / (scale[0] * scale[1])).mean(axis=0)
    varied = (scale[0] > 1) & (scale[1] > 1)
    # The correlation of an outcome scatters by 1/√16, the mean over outcomes by less. A shared stream gives about 1.
    assert abs(together[varied].mean()) < 0.6


@pytest.mark.parametrize("shots", [SHOTS_APART, SHOTS_APART + 400])
def test_noisy_circuits_of_a_job_share_no_shots(shots):
    """Aer gives shot i of circuit k of a job the seed s + 2113 k + i."""
    circuit = QuantumCircuit(6)
    circuit.ry(np.pi / 2, range(6))
    circuit.measure_all()
    device = IndependentJobs(noisy(0.1), stream(0, "test"))
    result = device.run([circuit] * 2, shots=shots, memory=True).result()
    first, second = (np.array([int(one, 16) for one in result.get_memory(k)]) for k in (0, 1))
    for lag in range(1 - shots + 50, shots - 50):
        pair = (first[lag:], second[: shots - lag]) if lag >= 0 else (first[:lag], second[-lag:])
        # Independent shots agree with probability 1/64, in at least 50 of them; shared ones always.
        assert (pair[0] == pair[1]).mean() < 0.5


def test_batches_of_jobs_with_equal_circuits_are_independent(tmp_path):
    counts = circuits.run_jobs([turned()] * 6, shots=1000, seed=0, file=tmp_path / "jobs.sqlite", batch=1)
    assert len({tuple(row) for row in counts}) == 6
    assert not {tuple(row) for row in counts} & {tuple(circuits.run(turned(), shots=1000, seed=0)[0])}
