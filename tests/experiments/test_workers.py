"""Experiments that measure pictures one by one: the same rows for any number of workers."""

import dataclasses

import pytest

from experiments._run import runner

pytestmark = pytest.mark.slow


def rows(name: str, **spread: int) -> str:
    measured = runner.measure(name, runner.module(name).TINY, **spread)
    values = [dataclasses.asdict(row) for row in measured.rows]
    return repr([{key: value for key, value in row.items() if not key.endswith("seconds")} for row in values])


@pytest.mark.parametrize("name", ["pairs", "truncation"])
def test_two_workers_measure_what_one_does(name: str) -> None:
    """With the pictures alone, and with the operators of all pictures, which are shared."""
    assert rows(name, workers=2) == rows(name)


def test_an_experiment_that_does_not_measure_pictures_one_by_one_has_one_worker() -> None:
    with pytest.raises(ValueError, match="workers must be 1 for convergence, which does not measure pictures one by"):
        runner.measure("convergence", runner.module("convergence").TINY, workers=2)
