"""Names of output files, one line for messages, and what is no file to read or to write."""

import errno
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qimg.core import names_for, one_line, regular, sentence, to_write
from qimg.core.files import special


@given(st.lists(st.tuples(st.sampled_from("aAbé"), st.sampled_from([".png", ".jpg", ".jpg.tif", ""])), unique=True))
def test_no_two_sources_have_one_name(parts: list[tuple[str, str]]) -> None:
    sources = [Path("in", stem + ending) for stem, ending in parts]
    names = names_for(sources, ".qimg")
    assert len(set(names)) == len(names)
    assert all(name.endswith(".qimg") for name in names)


def test_names_that_file_systems_do_not_distinguish_are_long() -> None:
    composed, decomposed = Path("\u00e9.png"), Path("e\u0301.jpg")
    assert names_for([composed, decomposed], ".qimg") == ["\u00e9.png.qimg", "e\u0301.jpg.qimg"]
    assert names_for([Path("a.png"), Path("A.jpg"), Path("a.jpg.tif")], "") == ["a.png", "A.jpg", "a.jpg.tif"]
    with pytest.raises(ValueError, match=r"1/a\.png and 2/a\.png would both be written to a\.png\.qimg"):
        names_for([Path("1/a.png"), Path("2/a.png")], ".qimg")
    below = [Path("in/1/a.png"), Path("in/2/a.png"), Path("in/a.png"), Path("in/a.jpg")]
    expected = ["1/a.qimg", "2/a.qimg", "a.png.qimg", "a.jpg.qimg"]
    assert names_for(below, ".qimg", below=Path("in")) == expected


def test_messages_are_one_line() -> None:
    assert one_line("a\nb\x1b[2J\u2028c → é") == r"a\nb\x1b[2J\u2028c → é"
    assert sentence(OSError(errno.ENOSPC, "No space left on device", "a\nb")) == r"a\nb: No space left on device"
    assert sentence(ValueError("two\n lines")) == "two lines"
    assert sentence(MemoryError()) == "MemoryError"


def test_pipes_sockets_and_devices_are_neither_read_nor_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    os.mkfifo("pipe")
    kinds = {"pipe": "a pipe", os.devnull: "a device", "socket": "a socket"}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name, kind in kinds.items():
            assert special(name) == kind
            with pytest.raises(OSError, match=f"is {kind}, but a file to read is expected"):
                regular(name)
            with pytest.raises(OSError, match=f"is {kind}, but a file to write is expected"):
                to_write(name, overwrite=True)
    for name in (".", "absent"):
        assert special(name) == ""
    Path("link").symlink_to("nowhere")
    with pytest.raises(FileExistsError, match="link: exists already"):
        to_write("link", overwrite=False)
