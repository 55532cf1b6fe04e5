"""Counts in every form in which Qiskit returns them give the same array, and bad ones are named."""

import numpy as np
import pytest
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit.result import Counts
from qiskit_aer import AerSimulator

import circuits
from circuits.counts import checked_counts

PICTURE = np.arange(1, 17, dtype=np.uint8).reshape(4, 4) * 15
ENCODED = circuits.encode_image(PICTURE, "amplitude")
SHOTS = 5000


def measured() -> QuantumCircuit:
    circuit = circuits.image_circuit(ENCODED)
    circuit.measure_all()
    return circuit


def in_two_registers() -> QuantumCircuit:
    """The picture with its column bits and its row bits in separate registers, the columns first and so lowest."""
    circuit = QuantumCircuit(QuantumRegister(4), ClassicalRegister(2, "columns"), ClassicalRegister(2, "rows"))
    circuit.compose(circuits.image_circuit(ENCODED), range(4), inplace=True)
    circuit.measure(range(4), range(4))
    return circuit


def sampled(*many: QuantumCircuit):
    return StatevectorSampler(seed=0).run(list(many), shots=SHOTS).result()


RESULT = sampled(measured())
BITS = RESULT[0].data.meas
ARRAY = np.bincount([int(one, 2) for one in BITS.get_bitstrings()], minlength=16)
DEVICE = AerSimulator(method="statevector")
AER = DEVICE.run(circuits.compile_circuit(measured()), shots=SHOTS, seed_simulator=1).result()

FORMS = {
    "array": ARRAY,
    "list": ARRAY.tolist(),
    "floats in another byte order": ARRAY.astype(">f4"),
    "strings of bits": BITS.get_counts(),
    "integers": BITS.get_int_counts(),
    "NumPy integers": {np.int64(k): int(n) for k, n in enumerate(ARRAY)},
    "hexadecimal": {hex(k): int(n) for k, n in enumerate(ARRAY)},
    "binary": {f"0b{k:04b}": int(n) for k, n in enumerate(ARRAY)},
    "strings with spaces": {f"{k >> 2:02b} {k & 3:02b}": int(n) for k, n in enumerate(ARRAY)},
    "Counts": Counts({hex(k): int(n) for k, n in enumerate(ARRAY)}, memory_slots=4),
    "BitArray": BITS,
    "DataBin": RESULT[0].data,
    "PubResult": RESULT[0],
    "PrimitiveResult": RESULT,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_counts_and_picture(form):
    np.testing.assert_array_equal(checked_counts(FORMS[form], 16), ARRAY)
    np.testing.assert_array_equal(circuits.decode_counts(ENCODED, FORMS[form]), circuits.decode_counts(ENCODED, ARRAY))
    np.testing.assert_array_equal(
        circuits.decode_intervals(ENCODED, FORMS[form]), circuits.decode_intervals(ENCODED, ARRAY)
    )


def test_results_of_backends_are_counts():
    counts = checked_counts(AER, 16)
    assert counts.sum() == SHOTS
    np.testing.assert_array_equal(checked_counts(AER.get_counts(), 16), counts)
    np.testing.assert_array_equal(checked_counts(AER.data()["counts"], 16), counts)  # hexadecimal
    # An amplitude errs by ‖x‖/(2 √N), below 5 levels; six standard errors.
    assert np.abs(circuits.decode_counts(ENCODED, AER).astype(int) - PICTURE).max() <= 27


def test_registers_are_read_as_run_reads_them():
    circuit = in_two_registers()
    spaced = DEVICE.run(circuits.compile_circuit(circuit), shots=SHOTS, seed_simulator=1).result().get_counts()
    assert all(" " in key for key in spaced)
    sampler = BackendSamplerV2(backend=DEVICE, options={"seed_simulator": 1})
    joined = sampler.run([circuits.compile_circuit(circuit)], shots=SHOTS).result()[0].join_data()
    np.testing.assert_array_equal(checked_counts(spaced, 16), checked_counts(joined, 16))
    np.testing.assert_array_equal(checked_counts(spaced, 16), checked_counts(AER, 16))
    assert np.abs(circuits.run(circuit, shots=SHOTS)[0] - checked_counts(spaced, 16)).max() < 6 * np.sqrt(2 * SHOTS / 4)


def test_equal_outcomes_are_added():
    np.testing.assert_array_equal(checked_counts({"0x1": 2, "01": 3, 1: 4, 3: 1}, 4), [0, 9, 0, 1])


def test_other_functions_take_counts_by_outcome():
    calibration = circuits.ReadoutCalibration(counts=[np.eye(2) * 100] * 2)
    found = circuits.mitigate({"00": 30, "11": 70}, calibration, rng=np.random.default_rng(0))
    np.testing.assert_allclose(found.probabilities, [0.3, 0, 0, 0.7], atol=1e-12)
    reference = np.full(2, 0.5**0.5)
    by_outcome, array = (
        circuits.signed_by_reference(counts, reference) for counts in ({"00": 8, "11": 2}, [8, 0, 0, 2])
    )
    np.testing.assert_array_equal(by_outcome, array)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (sampled(measured(), measured()), "counts must be of one circuit: choose one result, but counts='2 results'"),
        (sampled(in_two_registers()), r"counts must have one register.*but counts=\['columns', 'rows'\]"),
        (AerSimulator().run([circuits.compile_circuit(measured())] * 2).result(), "counts must be of one circuit"),
        ({"010": 3}, "counts must have outcomes of 4 bits: .* but counts='010'"),
        ({"0102": 3}, "counts='0102'"),
        ({"0x10": 3}, "counts='0x10'"),
        ({"0xzz": 3}, "counts='0xzz'"),
        ({16: 3}, "counts must have outcomes of 4 bits.*integers below 16, but counts=16"),
        ({-1: 3}, "counts=-1"),
        ({0.5: 3}, "counts=0.5"),
        ({True: 3}, "counts=True"),
        ({}, "counts must not all be zero"),
        ({"0000": 0}, "counts must not all be zero"),
        ({"0000": -1}, "counts must not be negative"),
        ({"0000": "many"}, "counts must be numeric"),
        ({"0000": float("nan")}, "counts must be finite"),
        ({"0000": [1, 2]}, "counts must have shape one number for each outcome"),
        (BITS.slice_bits([0, 1]), "counts must have outcomes of 4 bits, but counts=2"),
        (BITS.reshape(5, SHOTS // 5), r"counts must be of one circuit: choose one of the array, but counts=\(5,\)"),
        (np.ones(8), r"counts must have shape \(16,\), but has shape \(8,\)"),
        (None, "counts must be numeric"),
    ],
)
def test_bad_counts_are_named(counts, message):
    with pytest.raises(ValueError, match=message):
        circuits.decode_counts(ENCODED, counts)
