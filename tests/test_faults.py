"""The list of faults: it fits the code as it is. `python tests/plant_faults.py` plants them."""

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOMS = (
    "core",
    "images",
    "patches",
    "states",
    "operators",
    "transforms",
    "truncation",
    "channels",
    "tensor_train",
    "prior",
)
ROOMS += ("entropy", "codecs", "restoration", "metrics", "circuits", "experiments", "cli")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faults() -> list[dict]:
    """Read by the command itself, which refuses what does not stand once in its file."""
    return runpy.run_path(str(HERE / "plant_faults.py"))["faults"]()


def test_every_room_has_a_fault(faults):
    assert len(faults) >= 20
    for room in ROOMS:
        assert any(room in Path(fault["file"]).with_suffix("").parts for fault in faults), room


def test_every_fault_names_its_tests_and_its_reason(faults):
    assert len({fault["name"] for fault in faults}) == len(faults)
    for fault in faults:
        assert fault["why"].endswith(".")
        assert all((HERE.parent / path).exists() for path in fault["tests"])
