"""The trials of reliability, on a few files and kills each: nothing but what is documented."""

import numpy as np
import pytest

from benchmarks.reliability import artifacts, kills


@pytest.fixture(scope="module")
def kinds() -> dict[str, artifacts.Kind]:
    return {kind.name: kind for kind in artifacts.kinds()}


NAMES = ["prior", "codec tables", "restorer", "network", "checkpoint of a fit", "correlation operator"]


def check(kind: artifacts.Kind, count: int, path) -> None:
    path.write_bytes(kind.content)
    assert artifacts.outcome(kind, path) == artifacts.USABLE
    tally = artifacts.outcomes(kind, count, np.random.default_rng(count), path)
    assert tally.total() == count == tally[artifacts.REFUSED] + tally[artifacts.USABLE]
    assert tally[artifacts.REFUSED] > count / 2


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_refused_when_they_are_opened(name, kinds, tmp_path) -> None:
    check(kinds[name], 24, tmp_path / "damaged")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_many_damaged_files_are_refused_when_they_are_opened(name, kinds, tmp_path) -> None:
    check(kinds[name], 1000, tmp_path / "damaged")


def test_every_outcome_is_a_row(monkeypatch, kinds) -> None:
    monkeypatch.setattr(artifacts, "kinds", lambda: [kinds["prior"]])
    rows = artifacts.measure(count=6)
    assert [row.quantity for row in rows] == ["tried", *artifacts.QUANTITIES]
    assert sum(row.value for row in rows[1:]) == rows[0].value == 6


@pytest.mark.slow
def test_killed_commands_leave_whole_files_and_are_resumed() -> None:
    rows = kills.measure(count=2, commands=[kills.COMMANDS[0], kills.COMMANDS[4]])
    assert {row.what: row.value for row in rows if row.quantity == "tried"} == {"encode": 2, "fit prior": 2}
    assert [row.value for row in rows if row.quantity in (kills.HALF_WRITTEN, kills.WRONG, kills.LEFT)] == 6 * [0]
