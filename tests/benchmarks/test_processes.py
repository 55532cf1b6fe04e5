"""Threads and forked processes read, restore and encode JPEG files without an effect on each other."""

import os

import pytest

from benchmarks.reliability import processes


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_all_trials_end_as_documented():
    rows = processes.measure(runs=4, forks=2)
    tried = {row.what: row.value for row in rows if row.quantity == "tried"}
    right = {row.what: row.value for row in rows if row.quantity == "as documented"}
    assert len(tried) == 7
    assert right == tried
