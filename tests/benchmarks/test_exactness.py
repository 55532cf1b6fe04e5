"""The trials of exact preparation, on small registers."""

from benchmarks.reliability import exactness


def test_all_trials_are_within_the_promise():
    rows = exactness.measure(qubits=(4, 5), repeats=1, bond=4)
    values = {(row.what, row.quantity): row.value for row in rows}
    cases = {row.what for row in rows}
    assert len(cases) == 3 * len(exactness.FAMILIES)
    for case in cases:
        assert values[case, "tried"] == values[case, "within the promise"] == 2
        assert values[case, "largest infidelity"] <= 1e-12
