"""`qimg circuit encode`, `transform` and `run`: what they print, what they write, and how they refuse bad input."""

import csv

import numpy as np
import pytest

import circuits
from qimg import cli, images


@pytest.fixture
def photo(tmp_path) -> str:
    images.save(images.bundled("coffee")[80:96, 80:100], tmp_path / "photo.png")
    return str(tmp_path / "photo.png")


def said(capsys, *arguments: str) -> str:
    cli.main(["circuit", *arguments])
    return capsys.readouterr().out


def test_encode_draws_and_saves(photo, tmp_path, capsys):
    files = [str(tmp_path / "a.qasm"), str(tmp_path / "a.qpy")]
    out = said(capsys, "encode", photo, "--patch", "1,1", "--representation", "frqi", "--save", *files)
    assert "q_6" in out
    assert "7 qubits, 63 CX, 70 one-qubit gates" in out
    assert "read exactly: all pixels are equal" in out
    circuit = circuits.load_circuit(files[1])
    assert circuit.count_ops()["cx"] == 63
    pixels = images.to_uint8(images.luma(images.load(photo)))[8:16, 8:16]
    encoded = circuits.encode_image(pixels, "frqi")
    np.testing.assert_array_equal(circuits.decode_state(encoded, circuits.statevectors(circuit)[0]), pixels)


def test_transform_prints_coefficients(photo, capsys):
    out = said(capsys, "transform", photo, "--name", "haar_2d", "--width", "0")
    lines = out.splitlines()
    assert "coefficients of the circuit:" in lines
    pixels = images.to_uint8(images.luma(images.load(photo)))[:8, :8]
    wanted = circuits.transform_unitary("haar_2d", 6) @ pixels.ravel()
    start = lines.index("coefficients of the circuit:") + 1
    shown = np.array([line.split() for line in lines[start : start + 8]], float)
    np.testing.assert_allclose(shown.ravel(), wanted, atol=0.051)


@pytest.mark.parametrize("backend", ["statevector", "generic", "matrix_product_state"])
def test_run_prints_counts_and_both_patches(photo, capsys, backend):
    more = ["--bond-dimension", "4"] if backend == "matrix_product_state" else []
    out = said(capsys, "run", photo, "--size", "4", "--shots", "20000", "--backend", backend, "--width", "0", *more)
    assert "16 of 16 outcomes occurred" in out
    assert "original:" in out
    assert "recovered:" in out
    assert f"20000 shots on {backend}: PSNR" in out
    assert ("discarded weight" in out) == bool(more)
    assert float(out.split("PSNR ")[1].split()[0]) > 25


def test_run_draws_only_when_asked(photo, capsys):
    arguments = ["run", photo, "--size", "2", "--shots", "100"]
    assert "q_0" not in said(capsys, *arguments)
    assert "q_0" in said(capsys, *arguments, "--draw")


@pytest.mark.parametrize("more", [[], ["--transform", "dct_2d"], ["--representation", "mcrqi"]])
def test_run_writes_the_picture_its_intervals_and_the_counts(photo, tmp_path, capsys, more):
    out = tmp_path / "results"
    arguments = ["run", photo, "--size", "4", "--shots", "5000", "--out", str(out), *more]
    printed = said(capsys, *arguments)
    with_intervals = "--transform" not in more
    names = {"picture.png", "counts.csv"} | ({"intervals.csv"} if with_intervals else set())
    assert {one.name for one in out.iterdir()} == names
    assert f"written to {out}: picture.png, counts.csv" in printed
    picture = images.load(out / "picture.png")
    counts = list(csv.DictReader((out / "counts.csv").read_text().splitlines()))
    settings = {row["setting"] for row in counts}
    assert sum(int(row["count"]) for row in counts) == 5000 * len(settings)
    assert len(settings) == (1 if with_intervals else 5)
    if with_intervals:
        pixels = list(csv.DictReader((out / "intervals.csv").read_text().splitlines()))
        np.testing.assert_array_equal([int(row["value"]) for row in pixels], picture.ravel())
        assert all(float(row["low"]) <= int(row["value"]) + 0.5 <= float(row["high"]) + 1 for row in pixels)
        by_outcome = {row["outcome"]: int(row["count"]) for row in counts}
        original = images.to_uint8(images.luma(images.load(photo)))[:4, :4]
        if not more:
            record = circuits.encode_image(original, "amplitude")
            np.testing.assert_array_equal(circuits.decode_counts(record, by_outcome), picture)
    before = {one.name: one.read_bytes() for one in out.iterdir()}
    assert refused(capsys, *arguments) == f"{out}: exists already, and results are never overwritten; name a new folder"
    assert {one.name: one.read_bytes() for one in out.iterdir()} == before
    assert {one.name for one in tmp_path.iterdir()} == {"results", "photo.png"}


def test_a_failed_run_leaves_nothing(photo, tmp_path, capsys):
    message = refused(capsys, "run", photo, "--out", str(tmp_path / "results"), "--backend", "aer")
    assert message.startswith("--backend must be one of")
    assert not (tmp_path / "results").exists()
    assert "its parent is no folder" in refused(capsys, "run", photo, "--out", str(tmp_path / "no" / "results"))
    assert "exists already" in refused(capsys, "run", photo, "--out", photo)


def test_saved_circuits_are_not_overwritten(photo, tmp_path, capsys):
    file = tmp_path / "a.qasm"
    file.write_text("mine")
    assert "exists already" in refused(capsys, "encode", photo, "--size", "2", "--save", str(file))
    assert file.read_text() == "mine"


def refused(capsys, *arguments: str) -> str:
    """The message of a command that ends with status 2."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["circuit", *arguments])
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.split()).removeprefix("qimg: error: ")


@pytest.mark.parametrize(("pixels", "note"), [("smooth", "dropped"), ("opposite", "a reference measures them")])
def test_coefficients_without_an_edge_have_signs(tmp_path, capsys, pixels, note):
    rows, columns = np.mgrid[:4, :4]
    weak, strong = 2 * np.cos(np.pi * (rows + 0.5) / 4), 100 * np.cos(np.pi * (rows + 0.5) / 4)
    waves = (weak if pixels == "smooth" else strong) * np.cos(np.pi * (columns + 0.5) * 1 / 4)
    image = np.clip(np.rint(120 + waves), 0, 255).astype(np.uint8)
    images.save(image, tmp_path / "patch.png")
    out = said(capsys, "run", str(tmp_path / "patch.png"), "--size", "4", "--transform", "dct_2d", "--shots", "100000")
    assert note in out
    assert float(out.split("PSNR ")[1].split()[0]) > 30


def test_run_in_the_transform_basis(photo, capsys):
    out = said(capsys, "run", photo, "--size", "4", "--transform", "dct_2d", "--shots", "100000", "--width", "0")
    assert float(out.split("PSNR ")[1].split()[0]) > 30


def test_colour(photo, capsys):
    out = said(capsys, "run", photo, "--size", "2", "--representation", "mcrqi", "--shots", "9000", "--width", "0")
    assert "PSNR" in out
    assert "95 % intervals from shots alone" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "PHOTO", "--patch", "2,0"], "--patch must lie in the 2×3 patches, but --patch='2,0'"),
        (["encode", "PHOTO", "--patch", "1"], "--patch must be R,C, but --patch='1'"),
        (["encode", "PHOTO", "--representation", "qpie"], "--representation must be one of"),
        (
            ["encode", "PHOTO", "--save", "a.txt"],
            "--save must name files that end in .qasm or .qpy, but --save='a.txt'",
        ),
        (["encode", "PHOTO", "--save", "nowhere/a.qpy"], "--save must be in an existing folder"),
        (["encode", "PHOTO", "--kept", "4"], "--kept has no effect without dct, but --kept=4"),
        (["run", "PHOTO", "--backend", "aer"], "--backend must be one of statevector"),
        (["run", "PHOTO", "--bond-dimension", "4"], "--bond-dimension has no effect on statevector"),
        (["run", "PHOTO", "--gpu", "--backend", "generic"], "gpu has no effect on generic"),
        (["run", "PHOTO", "--shots", "0"], "--shots must be an integer of at least 1"),
        (["run", "PHOTO", "--transform", "qft"], "--transform must be real: interference gives signs, not phases"),
        (["transform", "PHOTO", "--representation", "frqi"], "--representation must be amplitude to transform"),
        (["transform", "PHOTO", "--name", "klt"], "--name must be a transform without a model"),
        (["encode", "nothing.png"], "nothing.png"),
    ],
)
def test_bad_input_is_one_sentence(photo, capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        cli.main(["circuit", *(photo if one == "PHOTO" else one for one in arguments)])
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in " ".join(captured.err.split())
