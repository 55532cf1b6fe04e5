"""Compiled code stays where it can be written, under a name that changes with every source it depends on."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from numba.core import config

from qimg.core import compiled_cache
from qimg.core.compiled import compiled

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
LOOP = """
from qimg.core.compiled import compiled

@compiled
def twice(value: int) -> int:
    return 2 * value
"""


def _clear() -> None:
    for function in (compiled_cache._imported, compiled_cache.sources, compiled_cache.fingerprint):
        function.cache_clear()


def _run(script: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return run.stdout


def test_sources_are_followed_through_imports():
    names = {path.stem for path in compiled_cache.sources(ROOT / "qimg" / "entropy" / "mixing.py")}
    assert {"mixing", "range_coder", "arguments", "compiled", "compiled_cache"} <= names
    assert "contexts" not in names


def test_a_change_of_an_imported_file_changes_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled_cache, "_ROOT", tmp_path)
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    caller, constants = tmp_path / "caller.py", tmp_path / "qimg" / "constants.py"
    constants.parent.mkdir()
    caller.write_text("from qimg.constants import (\n    SIDE,\n)\n")
    names = []
    for content in ("SIDE = 4\n", "SIDE = 8\n", "SIDE = 4\n"):
        constants.write_text(content)
        _clear()
        folder = compiled_cache.folder_of(caller)
        assert folder.is_dir()
        names.append(folder.name)
    _clear()
    assert names[0] == names[2] != names[1]


def test_the_compilers_versions_change_the_folder(monkeypatch):
    file = ROOT / "qimg" / "entropy" / "mixing.py"
    before = compiled_cache.fingerprint(file)
    monkeypatch.setattr(compiled_cache, "_VERSIONS", "numba 99")
    _clear()
    after = compiled_cache.fingerprint(file)
    _clear()
    assert before != after


def test_folders_of_many_earlier_sources_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    file = tmp_path / "loops.py"
    for count in range(compiled_cache._MAX_EARLIER + 4):
        file.write_text(f"COUNT = {count}\n")
        _clear()
        last = compiled_cache.folder_of(file)
    _clear()
    left = list((tmp_path / "qimg").iterdir())
    assert len(left) == compiled_cache._MAX_EARLIER
    assert last in left


def test_where_nothing_else_can_be_written_a_private_temporary_folder_is_used(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = compiled_cache.folder_of(Path(__file__))
    assert folder.parent.parent == tmp_path
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    folder.parent.chmod(0o777)  # others could put code there
    assert compiled_cache.folder_of(Path(__file__)) is None


def test_where_no_folder_can_be_written_nothing_is_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))

    @compiled
    def twice(value: int) -> int:
        return 2 * value

    assert twice(21) == 42
    assert twice._cache.cache_path is None


def test_an_account_without_a_home_gets_no_folder_named_like_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(compiled_cache, "AppDirs", lambda *_: SimpleNamespace(user_cache_dir="~/.cache/qimg"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    assert compiled_cache.folder_of(Path(__file__)).is_relative_to(tmp_path / "temporary")
    assert not (tmp_path / "~").exists()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # where Python finds no other folder
    assert compiled_cache.folder_of(Path(__file__)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]


def test_code_of_a_folder_that_cannot_be_written_is_used(tmp_path, monkeypatch):
    """As in a container whose image was warmed up."""
    warm = tmp_path / "warm"
    monkeypatch.setattr(config, "CACHE_DIR", str(warm))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def made():
        @compiled
        def twice(value: int) -> int:
            return 2 * value

        assert twice(21) == 42
        return twice

    made()
    files = sorted(warm.rglob("*.nb?"))
    original = compiled_cache.tempfile.TemporaryFile

    def refuse(*, dir):
        if Path(dir).is_relative_to(warm):
            raise OSError(errno.EROFS, "Read-only file system")
        return original(dir=dir)

    monkeypatch.setattr(compiled_cache.tempfile, "TemporaryFile", refuse)
    again = made()
    assert sum(again.stats.cache_hits.values()) == 1
    assert Path(again._cache.cache_path).is_relative_to(tmp_path / "temporary")
    assert sorted(warm.rglob("*.nb?")) == files


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_damaged_caches_are_replaced(tmp_path, ending):
    (tmp_path / "loop.py").write_text(LOOP)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from loop import twice\nprint(twice(21), sum(twice.stats.cache_hits.values()))"
    )
    cache = str(tmp_path / "cache")
    assert _run(script, NUMBA_CACHE_DIR=cache) == "42 0\n"
    assert _run(script, NUMBA_CACHE_DIR=cache) == "42 1\n"
    (damaged,) = (tmp_path / "cache").rglob(f"*.{ending}")
    damaged.write_bytes(damaged.read_bytes()[:-40] if ending == "nbc" else b"damaged")
    assert _run(script, NUMBA_CACHE_DIR=cache) == "42 0\n"
    assert _run(script, NUMBA_CACHE_DIR=cache) == "42 1\n"


def test_everything_works_without_a_home_and_a_folder_for_caches(tmp_path):
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "nope")
    script = (
        "import circuits, qimg, logging, numpy as np\nlogging.basicConfig(level='INFO', format='%(message)s')\n"
        "from qimg.core.compiled_cache import folders_in_use\n"
        "from qimg.entropy.range_coder import start\n"
        "print(start(np.array([7], np.uint32))[2], len(folders_in_use()))"
    )
    places = {"HOME": nowhere, "XDG_CACHE_HOME": nowhere, "NUMBA_CACHE_DIR": nowhere, "MPLCONFIGDIR": str(tmp_path)}
    assert _run(script, **places, TMPDIR=str(tmp_path)) == "2 1\n"


@pytest.mark.slow
def test_without_a_compiler_pictures_decode_to_the_same_pixels():
    script = (
        "import hashlib, qimg\n"
        f"pixels = qimg.decode(open({str(GOLDEN / 'one.qimg')!r}, 'rb').read())\n"
        "print(hashlib.sha256(pixels.tobytes()).hexdigest())"
    )
    pixels = _run(script)
    assert _run(script, NUMBA_DISABLE_JIT="1") == pixels


def test_code_with_bounds_checks_has_a_folder_of_its_own():
    script = (
        "from pathlib import Path\nfrom qimg.core import compiled_cache\n"
        "print(compiled_cache.fingerprint(Path(compiled_cache.__file__)))"
    )
    assert _run(script, NUMBA_BOUNDSCHECK="1") != _run(script) == _run(script, NUMBA_BOUNDSCHECK="0")
