"""The practical trial on small pictures: what it writes, what it says, and that it leaves nothing half-done."""

import csv
import dataclasses
import html
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments._run import runner, trial
from qimg import images

pytestmark = pytest.mark.slow

NAMES = runner.TRIAL


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """A colour picture, a gray one of odd size, a constant one, and two that cannot be used."""
    folder = tmp_path_factory.mktemp("pictures")
    photograph = images.bundled("astronaut")
    images.save(photograph[60:108, 180:228], folder / "colour.png")
    images.save(photograph[100:113, 200:221, 1], folder / "gray.png")
    images.save(np.full((9, 9), 128, np.uint8), folder / "constant.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing follows")
    (folder / "empty.jpg").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def steps(pictures) -> dict:
    """TINY of every step on these pictures at their own size."""
    return {name: dataclasses.replace(runner.module(name).TINY, images=(str(pictures),), box_mean=1) for name in NAMES}


@pytest.fixture(scope="module")
def results(steps) -> dict[str, runner.Measured]:
    return {name: runner.measure(name, steps[name]) for name in NAMES}


@pytest.fixture(scope="module")
def folder(pictures, steps, tmp_path_factory) -> Path:
    return trial.run_trial([str(pictures)], out=tmp_path_factory.mktemp("trial") / "out", seed=3, steps=steps)


@pytest.fixture
def measured_before(monkeypatch, results) -> None:
    """A trial that takes the results above instead of measuring again."""
    monkeypatch.setattr(runner, "measure", lambda name, params, track: results[name])


@pytest.fixture
def drawn_before(monkeypatch, folder) -> None:
    """A trial that takes the report above instead of drawing it again."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    monkeypatch.setattr(trial, "_section", lambda number, measured, gathered: None)
    monkeypatch.setattr(trial, "render", lambda content: page)


def entries(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_every_file_is_there_and_no_other(folder):
    rows = {f"{number}-{name.replace('_', '-')}" for number, name in enumerate(NAMES, start=1)}
    assert entries(folder) == {"report.html", "provenance.json", *rows, *(f"{name}/rows.csv" for name in rows)}
    assert entries(folder.parent) - {f"out/{name}" for name in entries(folder)} == {"out"}


def test_rows_are_those_of_the_experiments(folder, results):
    for number, name in enumerate(NAMES, start=1):
        with (folder / f"{number}-{name.replace('_', '-')}" / "rows.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows = [dataclasses.asdict(row) for row in results[name].rows]
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows, strict=True):
            for key, value in row.items():
                assert key.endswith("_seconds") or line[key] == str(value)


def test_provenance_names_pictures_parameters_and_versions(folder, steps, pictures):
    facts = json.loads((folder / "provenance.json").read_text())
    assert [entry["name"] for entry in facts["inputs"]] == ["colour", "constant", "gray"]
    assert [entry["name"] for entry in facts["skipped"]] == [str(pictures / "broken.png"), str(pictures / "empty.jpg")]
    assert facts["params"] == {name: json.loads(json.dumps(dataclasses.asdict(steps[name]))) for name in NAMES}
    assert set(facts["seconds"]) == set(NAMES)
    assert all(seconds >= 0 for seconds in facts["seconds"].values())
    assert set(facts["versions"]) >= {"python", "numpy", "qiskit", "qimg"}


def test_the_report_is_one_file(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"\bsrc=(?![\"']data:)|<link\b|@import|<iframe|fetch\(|XMLHttpRequest", page)
    assert not re.search(r"url\((?!#|[\"']?data:)", page)
    # Addresses on the network are namespaces only, which nothing loads.
    hosts = set(re.findall(r"https?://[^\"'\s<>)]+", page))
    assert all(re.search(rf"xmlns(:\w+)?=\"{re.escape(host)}\"", page) for host in hosts)
    links = re.findall(r'<a href="([^"]+)"', page)
    assert len(links) == 2 * len(NAMES)
    for link in links:
        assert f'id="{link[1:]}"' in page if link.startswith("#") else (folder / link).is_file()


def test_whatever_a_drawing_refers_to_is_there_once(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    identifiers = Counter(re.findall(r'\bid="([^"]+)"', page))
    references = set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", page))
    assert len(references) > 100
    assert {identifiers[name] for name in references} == {1}


def test_the_report_tells_every_step(folder, results):
    page = (folder / "report.html").read_text(encoding="utf-8")
    for number, name in enumerate(NAMES, start=1):
        assert f"<h2>{number}. {trial.TITLES[name]}</h2>" in page
        assert html.escape(runner.question(name)) in page
        assert page.count(f'<section id="section-{number - 1}">') == 1
    assert page.count("<figure>") >= len(NAMES)
    assert page.count("<table>") == sum(bool(measured.rows) for measured in results.values()) == len(NAMES)


def test_the_report_counts_what_was_skipped(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Skipped: 2 file(s)" in page
    assert "broken.png" in page
    assert "empty.jpg" in page
    assert "Pictures: colour, constant, gray." in page


def test_titles_and_captions_cover_the_experiments():
    assert tuple(trial.TITLES) == NAMES
    assert set(trial._CAPTIONS) == set(NAMES)


@pytest.mark.parametrize("seed", [0, 7])
def test_a_seed_reaches_every_step_that_draws(seed):
    parameters = trial.parameters(("a.png",), seed)
    assert tuple(parameters) == NAMES
    assert {params.images for params in parameters.values()} == {("a.png",)}
    seeds = {name: params.seed for name, params in parameters.items() if hasattr(params, "seed")}
    assert seeds == dict.fromkeys(("convergence", "decoherence", "transform_circuits", "shots"), seed)


@pytest.mark.usefixtures("drawn_before")
def test_without_steps_the_trial_measures_its_own_parameters(pictures, tmp_path, monkeypatch, results):
    given = {}
    monkeypatch.setattr(runner, "measure", lambda name, params, track: given.update({name: params}) or results[name])
    trial.run_trial([str(pictures)], out=tmp_path / "out", seed=5)
    assert given == trial.parameters((str(pictures),), 5)


@pytest.mark.usefixtures("measured_before", "drawn_before")
def test_folders_are_numbered_where_none_is_named(pictures, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("qimg-trial-2").mkdir()
    Path("qimg-trial-2", "mine").write_text("kept")
    names = [trial.run_trial([str(pictures)], steps=steps).name for _ in range(2)]
    assert names == ["qimg-trial-1", "qimg-trial-3"]
    assert Path("qimg-trial-2", "mine").read_text() == "kept"


@pytest.mark.usefixtures("measured_before", "drawn_before")
def test_a_folder_with_something_in_it_is_refused(folder, pictures, steps):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(runner.ResultsExist, match="out: exists already, but results are never overwritten"):
        trial.run_trial([str(pictures)], out=folder, steps=steps)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert len(list(folder.parent.iterdir())) == 1


def test_no_picture_no_folder(pictures, steps, tmp_path):
    with pytest.raises(images.ImageError, match="none of the 1 files can be read"):
        trial.run_trial([str(pictures / "broken.png")], out=tmp_path / "out", steps=steps)
    assert entries(tmp_path) == set()


@pytest.mark.usefixtures("measured_before")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
@pytest.mark.parametrize("stage", ["runner.measure", "runner.write_rows", "render", "runner.write_json"])
def test_nothing_is_left_behind_a_trial_that_ends_early(stage, error, pictures, steps, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise error("stopped in the middle")

    monkeypatch.setattr(trial, "_section", lambda number, measured, gathered: None)
    monkeypatch.setattr(trial, "render", lambda page: "")
    monkeypatch.setattr(f"experiments._run.trial.{stage}", stop)
    with pytest.raises(error, match="stopped in the middle"):
        trial.run_trial([str(pictures)], out=tmp_path / "out", steps=steps)
    assert entries(tmp_path) == set()


@pytest.mark.usefixtures("measured_before", "drawn_before")
def test_trials_side_by_side_take_different_folders(pictures, steps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    free = runner.free

    def beaten_to_it(parent, names):
        for path in free(parent, names):
            if path.name == "qimg-trial-1":  # the other trial ends first
                path.mkdir()
                (path / "report.html").touch()
            yield path

    monkeypatch.setattr(runner, "free", beaten_to_it)
    assert trial.run_trial([str(pictures)], steps=steps).name == "qimg-trial-2"
    assert entries(tmp_path) >= {"qimg-trial-1", "qimg-trial-2"}
