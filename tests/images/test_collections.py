"""Pictures found and worked on one by one: what is found in which order, and what becomes of broken ones."""

import errno
import os
from pathlib import Path

import pytest

from qimg import images
from qimg.core.workers import Threads
from qimg.images import ImageError, Skipped, Source, gather, map_pictures
from qimg.images.collections import several


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()


def found(folder: Path, *given: str, **options: object) -> list[str]:
    sources = gather([folder / name for name in given], **options)  # type: ignore[arg-type]
    return [str(source.path.relative_to(folder)) for source in sources if source.path]


def test_folders_are_searched_for_pictures_and_files_are_taken_by_name(tmp_path: Path) -> None:
    make(tmp_path, "in/b.PNG", "in/a.jpg", "in/notes.txt", "in/deeper/c.png", "in/.hidden.png", "one.txt")
    assert found(tmp_path, "one.txt", "in") == ["in/a.jpg", "in/b.PNG", "one.txt"]
    assert found(tmp_path, "in", "in/a.jpg", "in/../in") == ["in/a.jpg", "in/b.PNG"]  # each file once
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match="none: the folder holds no image"):
        gather([tmp_path / "none"])
    with pytest.raises(ImageError, match="absent: no such file or folder"):
        gather([tmp_path / "absent"])
    with pytest.raises(ImageError, match="sources: must be a list of pictures, but is the one name 'in'"):
        gather("in")
    with pytest.raises(ImageError, match="sources: at least one picture is needed, but none was given"):
        gather([])


def test_raw_files_of_a_folder_are_among_its_pictures(tmp_path: Path) -> None:
    make(tmp_path, "in/b.NEF", "in/a.dng", "in/c.png", "in/d.raw")
    assert found(tmp_path, "in") == ["in/a.dng", "in/b.NEF", "in/c.png"]
    (tmp_path / "none").mkdir()
    with pytest.raises(ImageError, match=r"no image \(\.png .*\.dng .*\.x3f\); subfolders are not searched"):
        gather([tmp_path / "none"])


def test_folders_are_searched_for_other_endings_where_that_is_asked_for(tmp_path: Path) -> None:
    make(tmp_path, "in/a.qimg", "in/b.QIMG", "in/c.png")
    assert found(tmp_path, "in", suffixes=[".qimg"]) == ["in/a.qimg", "in/b.QIMG"]
    with pytest.raises(ImageError, match=r"in: the folder holds no JPEG file \(\.jpg \.jpeg \.jpe \.jfif\)"):
        gather([tmp_path / "in"], suffixes=images.collections.JPEG_SUFFIXES, what="JPEG file")


def test_patterns_are_files_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.png", "a.png", "c.jpg", "in/d.png", "in/deeper/e.png", "f[1].png", "f1.png", ".hidden.png")
    assert found(tmp_path, "?.png") == ["a.png", "b.png"]
    assert found(tmp_path, "[bc].*") == ["b.png", "c.jpg"]
    assert found(tmp_path, "in/*") == ["in/d.png"]
    assert found(tmp_path, "**/[de].png") == ["in/d.png", "in/deeper/e.png"]
    assert found(tmp_path, "f[1].png") == ["f[1].png"]  # a file of the very name comes before the pattern
    for pattern in ("*.gif", "i*"):
        with pytest.raises(ImageError, match=r"\*.*: no file matches the pattern"):
            gather([tmp_path / "c.jpg", tmp_path / pattern])


def test_links_that_lead_in_circles_come_to_an_end(tmp_path: Path) -> None:
    make(tmp_path, "a/one.png", "b/two.png", "b/c/three.png")
    for number in range(8):  # following each of them everywhere would take 8 ** 40 steps
        (tmp_path / f"up{number}").symlink_to(".")
        (tmp_path / f"a/to{number}").symlink_to("../b")
        (tmp_path / f"b/to{number}").symlink_to("../a")
    (tmp_path / "self.png").symlink_to("self.png")
    every = ["a/one.png", "b/c/three.png", "b/two.png"]
    assert found(tmp_path, "**/s*.png") == ["self.png"]
    assert found(tmp_path, "**/[to]*.png") == every
    assert found(tmp_path, "a/**/[to]*.png") == ["a/one.png", "a/to0/c/three.png", "a/to0/two.png"]
    assert found(tmp_path, ".", recursive=True) == [*every, "self.png"]


def test_folders_behind_links_are_searched(tmp_path: Path) -> None:
    make(tmp_path, "data/a.png", "sets/b.png", "sets/.hidden/c.png")
    (tmp_path / "sets/linked").symlink_to(tmp_path / "data")
    (tmp_path / "sets/again.png").symlink_to("b.png")
    (tmp_path / "sets/lost.png").symlink_to("nothing")
    assert found(tmp_path, "sets", recursive=True) == ["sets/b.png", "sets/linked/a.png", "sets/lost.png"]
    assert found(tmp_path, "sets/**") == ["sets/b.png", "sets/linked/a.png", "sets/lost.png"]
    make(tmp_path, "none/deeper/notes.txt")
    with pytest.raises(ImageError, match="the folder and its subfolders hold no image"):
        gather([tmp_path / "none"], recursive=True)


def test_pipes_sockets_and_devices_are_skipped_in_folders_and_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, "in/a.png", "in/folder.png/b.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    (tmp_path / "in/null.png").symlink_to(os.devnull)
    for entry in ("in", "in/*", "in/[!f]*.png"):
        assert found(tmp_path, entry) == ["in/a.png"]
    assert found(tmp_path, "in", recursive=True) == ["in/a.png", "in/folder.png/b.png"]
    for name, kind in (("pipe", "a pipe"), ("null", "a device")):
        with pytest.raises(
            ImageError, match=f"{name}.png: cannot be read \\(is {kind}, but a file to read is expected"
        ):
            gather([tmp_path / f"in/{name}.png"])
        with pytest.raises(ImageError, match=f"{name}.png: is {kind}, but an image file is expected"):
            images.load(tmp_path / f"in/{name}.png")
        with pytest.raises(ImageError, match=f"is {kind}"):
            Source(name="x", group="", path=tmp_path / f"in/{name}.png").read()


def test_folders_that_cannot_be_read_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "in/a.png", "in/closed/b.png")
    scandir = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    for entry in ("in", "in/**/*.png"):
        assert found(tmp_path, entry, recursive=True) == ["in/a.png", "in/closed"]
    with pytest.raises(ImageError, match=r"closed: cannot be read \(Permission denied\)"):
        gather([tmp_path / "in/closed"])


@pytest.mark.parametrize("depth", [500, 100_000])
def test_lists_of_any_depth_are_read_or_refused(depth: int, tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    (tmp_path / "s.json").write_text("[" * depth + '"a.png"' + "]" * depth)
    if depth == 500:
        assert found(tmp_path, "s.json#") == ["a.png"]
    else:
        with pytest.raises(ImageError, match=r"s\.json: is no JSON list of pictures"):
            gather([f"{tmp_path}/s.json#"])


def test_names_that_stand_for_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "in/a.png", "f[1].png", "sets/kodak/b.png")
    assert [several(name) for name in ("in", "*.png", "splits.json#fit")] == [True] * 3
    assert [several(name) for name in ("in/a.png", "f[1].png", "absent.png", "kodak")] == [False] * 4
    assert several("kodak", root=tmp_path / "sets")


def named(*names: str) -> list[Source]:
    return [Source(name=name, group="") for name in names]


def doubled(source: Source, shared: int) -> int:
    if source.name == "broken":
        raise ValueError("cannot  be\nread")
    return shared * int(source.name)


@pytest.mark.parametrize("workers", [1, Threads(3)])
def test_results_come_in_order_and_broken_pictures_are_recorded(workers: object) -> None:
    sources = named("3", "1", "broken", "2", "7")
    results = list(map_pictures(doubled, sources, shared=2, workers=workers))  # type: ignore[arg-type]
    assert [picture for picture, _ in results] == sources
    assert [result for _, result in results] == [
        6, 2, Skipped(name="broken", reason="broken: cannot be read"), 4, 14,
    ]  # fmt: skip


def test_an_error_ends_it_where_that_is_asked_for() -> None:
    results = map_pictures(doubled, named("1", "broken", "2"), shared=1, on_error="raise")
    assert next(results)[1] == 1
    with pytest.raises(ValueError, match="read"):
        next(results)


def test_what_is_done_is_left_out_and_not_counted() -> None:
    steps = []

    def track(items):
        for item in items:
            steps.append(item)
            yield item

    sources = named("1", "2", "3", "4")
    results = map_pictures(doubled, sources, shared=1, done=lambda source: source.name in "13", track=track)
    assert [result for _, result in results] == [2, 4]
    assert steps == [0, 1]


def test_pictures_are_read_one_at_a_time() -> None:
    """Constant memory: the next picture begins when the result before has been taken."""
    begun = []
    results = map_pictures(lambda source, _: begun.append(source.name), named(*"abcd"))
    next(results)
    next(results)
    assert begun == ["a", "b"]


def mean_of(source: Source, factor: float) -> float:
    return factor * float(source.read()[0].mean())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures and a broken file."""
    for number in range(5):
        images.save(images.bundled("coffee")[8 * number :][:16, :24], tmp_path / f"{number}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and then nothing")
    return tmp_path


def test_two_processes_give_what_one_does(folder: Path) -> None:
    sources = gather([folder])
    alone = list(map_pictures(mean_of, sources, shared=0.5))
    together = list(map_pictures(mean_of, sources, shared=0.5, workers=2))
    assert [result for _, result in together] == [result for _, result in alone]
    assert [source.name for source, _ in together] == [source.name for source in sources]
    assert [type(result) for _, result in alone] == [float] * 5 + [Skipped]
    assert alone[-1][1].reason.startswith(f"{folder / 'broken.png'}: ")


@pytest.mark.slow
def test_a_dask_cluster_gives_what_one_process_does(folder: Path) -> None:
    pytest.importorskip("distributed")
    sources = gather([folder])
    alone = [result for _, result in map_pictures(mean_of, sources, shared=0.5)]
    assert [result for _, result in map_pictures(mean_of, sources, shared=0.5, workers=2, scheduler="local")] == alone
