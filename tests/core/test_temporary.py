"""Systems without a folder for temporary files, or for the caches of other packages."""

import os
import tempfile
from pathlib import Path

import pytest

from qimg.core.temporary import importing, temporary_files_in


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system on which only the folder `out` can be written."""

    def missing() -> str:
        if tempfile.tempdir is None:
            raise FileNotFoundError("No usable temporary directory found")
        return tempfile.tempdir

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "gettempdir", missing)
    for name in ("TMPDIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null/none")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_temporary_files_go_beside_the_output(without: Path) -> None:
    with temporary_files_in(without / "new" / "deeper"):
        (hidden,) = without.iterdir()
        assert tempfile.gettempdir() == os.environ["TMPDIR"] == os.environ["MPLCONFIGDIR"] == str(hidden)
        with tempfile.NamedTemporaryFile() as file:
            assert Path(file.name).parent == hidden
    assert list(without.iterdir()) == []
    assert not {"TMPDIR", "MPLCONFIGDIR"} & set(os.environ)
    assert tempfile.tempdir is None


def test_packages_that_ask_for_the_folder_can_be_imported(without: Path) -> None:
    with importing():
        assert tempfile.gettempdir() == os.sep
    with pytest.raises(FileNotFoundError):
        tempfile.gettempdir()


def test_nothing_changes_where_every_folder_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    before = tempfile.gettempdir(), dict(os.environ)
    with temporary_files_in(tmp_path):
        assert (tempfile.gettempdir(), dict(os.environ)) == before
    assert list(tmp_path.iterdir()) == []
