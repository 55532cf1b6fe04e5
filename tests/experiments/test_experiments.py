"""Every experiment's TINY through the real runner, and every experiment on pictures at the edge of what is allowed."""

import csv
import dataclasses
import functools
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from threadpoolctl import threadpool_info

from benchmarks import identity
from experiments.__main__ import main
from experiments._run import runner
from experiments._run.pictures import gather
from experiments.circuits import shots
from experiments.operators import conditional_expectation, convergence, decoherence, pairs
from qimg import images
from qimg.report import Table
from tests.golden.kernels import KERNELS

POOLED = ("convergence", "universality", "synthesis", "network_prior", "low_rank_methods")
PER_PICTURE = [name for name in runner.EXPERIMENTS if name not in POOLED]
ONE_OF_EACH_THEME = (
    "purification",
    "channel_of_the_codec",
    "complexity_dial",
    "calibration",
    "smart_error",
    "shots",
    "born_machine",
)


def of_an_experiment(name: str, *values: object, slow: bool):
    """A case of one experiment, whose name ends the identifier: cases of one experiment share `tiny` in one worker."""
    return pytest.param(name, *values, marks=pytest.mark.slow if slow else (), id="-".join(map(str, (*values, name))))


@functools.cache
def tiny(name: str) -> runner.Measured:
    """TINY of one experiment, run once for all tests of this file."""
    return runner.measure(name, runner.module(name).TINY)


@pytest.fixture(params=[of_an_experiment(name, slow=name not in ONE_OF_EACH_THEME) for name in runner.EXPERIMENTS])
def measured(request) -> runner.Measured:
    return tiny(request.param)


@pytest.fixture(scope="module")
def edge(tmp_path_factory) -> Path:
    """One folder for each kind of picture, and "mixed" with all of them and a broken file."""
    root = tmp_path_factory.mktemp("edge")
    photograph = images.bundled("coffee")
    rgb = photograph[100:121, 200:213]
    kinds = {
        "one pixel": photograph[:1, :1],
        "constant": np.full((16, 16), 128, np.uint8),
        "black": np.zeros((9, 8, 3), np.uint8),
        "faint": np.where(photograph[:24, :24, 0] > 20, 128, 129).astype(np.uint8),
        "gray": photograph[40:53, 60:81, 0],
        "odd": rgb,
        "alpha": np.dstack([rgb[::-1], rgb[..., :1]]),
        "gray alpha": rgb[..., :2],
        "16 bit": photograph[:24, :17].astype(np.uint16) * 257,
        "16 bit gray": photograph[:24, 20:37, 1].astype(np.uint16) * 200,
        "colour": photograph[100:140, 100:148],
    }
    for name, pixels in kinds.items():
        for folder in (root / name, root / "mixed"):
            folder.mkdir(exist_ok=True)
            images.save(pixels, folder / f"{name}.png")
    (root / "mixed" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing follows")
    for name, members in {
        "no energy around": ("constant", "colour"),
        "one in colour": ("colour", "gray", "16 bit gray", "faint"),
    }.items():
        (root / name).mkdir()
        for member in members:
            images.save(kinds[member], root / name / f"{member}.png")
    return root


def on_folder(name: str, folder: Path):
    """TINY of an experiment on the pictures of a folder, at their own size."""
    few = {"draws": 2} if name == "convergence" else {}
    return dataclasses.replace(runner.module(name).TINY, images=(str(folder),), box_mean=1, **few)


def test_one_experiment_of_each_theme_is_in_the_default_tier():
    themes = [theme for name in ONE_OF_EACH_THEME for theme, names in runner.THEMES.items() if name in names]
    assert themes == list(runner.THEMES)


def test_the_options_of_every_experiment_are_parsed(capsys):
    for name in runner.EXPERIMENTS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0, name
        assert "--workers" in capsys.readouterr().out


def test_experiments_are_questions():
    for name in runner.EXPERIMENTS:
        assert runner.question(name).endswith("?")
        assert runner.method(name).endswith(".")


def test_tiny_measures_every_picture(measured):
    assert len(measured.rows) > 0
    assert measured.seconds > 0
    if measured.name in PER_PICTURE:
        assert {row.image for row in measured.rows} - {"pooled", "prior", "drawn"} == set(images.BUNDLED)
    elif measured.name == "convergence":
        assert {row.n_images for row in measured.rows} == {1, 2, 3, 4}
    elif measured.name == "synthesis":
        slopes = [row.image for row in measured.rows if (row.source, row.statistic) == ("real", "slope")]
        assert slopes == list(images.BUNDLED)
    elif measured.name == "network_prior":
        assert {(row.use, row.pictures) for row in measured.rows} == {("none", 2), ("projection", 2)}
    elif measured.name == "low_rank_methods":
        assert {(row.collection, row.rank) for row in measured.rows} == {("patches 8×8", 2), ("patches 8×8", 8)}
    else:
        assert {row.set_a for row in measured.rows} == {row.set_b for row in measured.rows} == set(images.BUNDLED)


def test_blas_has_the_kernels_of_the_golden_file():
    assert KERNELS.items() <= os.environ.items()
    wanted = KERNELS.get("OPENBLAS_CORETYPE")
    for library in threadpool_info():
        assert wanted is None or library["internal_api"] != "openblas" or library["architecture"] == wanted


def test_rows_are_those_of_the_golden_file(measured):
    assert identity.different_rows(measured.name, measured.rows) == []


def test_every_input_and_every_measurement_is_a_plain_value(measured):
    for record in (measured.params, *measured.rows):
        assert record.__dataclass_params__.frozen
        for value in dataclasses.asdict(record).values():
            assert isinstance(value, str | int | float | tuple)


def test_findings_table_and_plot_of_tiny(measured):
    module = runner.module(measured.name)
    for sentence in module.findings(measured.rows):
        assert sentence.endswith(".")
        assert "nan" not in sentence.lower().split()
    tables = module.tables(measured.rows)
    assert len(next(iter(tables.values())).rows) > 0
    for table in tables.values():
        assert isinstance(table, Table)
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert set(table.formats) <= set(table.columns)
    figure = module.plot(measured.rows)
    assert isinstance(figure, Figure)
    assert all(ax.get_xlabel() for ax in figure.axes)


def test_the_same_seed_measures_the_same_with_a_bar_or_without(measured):
    steps = []

    def track(items):
        items = list(items)
        steps.append(len(items))
        return iter(items)

    again = runner.measure(measured.name, measured.params, track=track)
    # NaN marks what cannot be measured and is not equal to itself, so the rows are compared as text.
    assert repr([identity.plain(row) for row in again.rows]) == repr([identity.plain(row) for row in measured.rows])
    assert sum(steps) > 0


def test_results_are_written_and_never_overwritten(measured, tmp_path, monkeypatch):
    folder = runner.record(measured, tmp_path / "results")
    assert folder.parent == tmp_path / "results" / measured.name
    assert len(folder.name) == 12
    assert sorted(file.name for file in folder.iterdir()) == ["figure.png", "provenance.json", "rows.csv"]
    before = (folder / "rows.csv").read_bytes()
    # Drawing takes most of the time, and once is enough.
    monkeypatch.setattr(runner, "write_figure", lambda _, path: path.write_bytes(b"figure"))
    second, third = (runner.record(measured, tmp_path / "results") for _ in range(2))
    assert [second.name, third.name] == [f"{folder.name}-2", f"{folder.name}-3"]
    assert (folder / "rows.csv").read_bytes() == before == (second / "rows.csv").read_bytes()
    # Nothing half-written lies beside them.
    assert {entry.name for entry in folder.parent.iterdir()} == {folder.name, second.name, third.name}


def test_what_is_written_can_be_read_again(measured, tmp_path):
    folder = runner.record(measured, tmp_path)
    with (folder / "rows.csv").open(newline="") as file:
        header, *lines = list(csv.reader(file))
    assert header == [field.name for field in dataclasses.fields(measured.rows[0])]
    assert lines == [[str(value) for value in dataclasses.astuple(row)] for row in measured.rows]
    with Image.open(folder / "figure.png") as figure:
        assert min(figure.size) > 100
    facts = json.loads((folder / "provenance.json").read_text())
    assert facts["params"] == json.loads(json.dumps(dataclasses.asdict(measured.params)))
    assert [entry["name"] for entry in facts["inputs"]] == list(images.BUNDLED)
    assert all(len(entry["sha256"]) == 64 for entry in facts["inputs"])
    assert facts["seconds"] == {measured.name: round(measured.seconds, 3)}
    assert facts["versions"]["numpy"] == np.__version__
    parts = ("params", "inputs", "skipped", "compressed_before", "versions", "commit", "machine", "seconds")
    assert set(facts) == {"experiment", *parts}


def test_other_parameters_or_other_pictures_have_another_folder(edge, tmp_path):
    folders = {
        runner.record(runner.measure("pairs", params), tmp_path).name
        for params in (
            on_folder("pairs", edge / "odd"),
            on_folder("pairs", edge / "gray"),
            dataclasses.replace(on_folder("pairs", edge / "odd"), qualities=(50,)),
        )
    }
    assert len(folders) == 3
    assert not any("-" in name for name in folders)


def test_a_picture_that_was_changed_in_place_has_another_folder(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = []
    for first in (0, 64):
        images.save(images.bundled("coffee")[first : first + 32, :40], folder / "one.png")
        names.append(runner.record(runner.measure("pairs", on_folder("pairs", folder)), tmp_path / "results").name)
    assert len(set(names)) == 2
    assert not any("-" in name for name in names)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        of_an_experiment(name, kind, slow=(name, kind) != ("purification", "mixed"))
        for name in runner.EXPERIMENTS
        for kind in ("mixed", "one pixel", "constant", "black", "faint", "odd", "no energy around", "one in colour")
    ],
)
def test_pictures_at_the_edge(name, kind, edge, tmp_path):
    measured = runner.measure(name, on_folder(name, edge / kind))
    gathered = gather([str(edge / kind)])
    module = runner.module(name)
    folder = runner.record(measured, tmp_path)
    assert (folder / "rows.csv").stat().st_size > 0
    assert (folder / "figure.png").exists() == bool(measured.rows)
    assert len(json.loads((folder / "provenance.json").read_text())["skipped"]) == (kind == "mixed")
    assert len(module.findings(measured.rows)) > 0
    for table in module.tables(measured.rows).values():
        assert all(len(row) == len(table.columns) for row in table.rows)
    if name in PER_PICTURE:
        # Pictures without energy may be left out, others never.
        level_shifted = ("quantum_pca", "copies_and_entropies")
        blank = ("purification", "truncation", "transform_circuits", "transform_cost", *level_shifted)
        without = {"constant"} if name in blank else set()
        flat = (
            {"constant", "black", "one pixel"} if name in ("decoherence", "transfer", "channel_of_the_codec") else set()
        )
        if name == "complex_chroma":
            flat = {"constant", "black", "faint", "gray", "gray alpha", "16 bit gray"}
        if name == "image_mps":
            flat = {"black", "one pixel"}  # no energy, or no bit
        if name == "operator_mpo":
            without = {"constant"}
        if name in ("train_circuits", "noise", "low_depth_circuits"):
            flat = {"black"}
        if name == "qft_downsampling":
            flat = {"one pixel", "black"}  # nothing to make smaller, or no energy
        if name == "degradations":
            flat = {"one pixel", "black"}  # fewer than 12 rows or columns
        if name == "double_jpeg":
            flat = {"one pixel"}  # nothing is left of it when it is cropped
        expected = {picture.name for picture in gathered.pictures} - without - flat
        assert {row.image for row in measured.rows} - {"pooled", "prior", "drawn"} == expected


def test_a_picture_without_energy_is_said_to_have_none(edge):
    for name in ("convergence", "purification", "truncation", "decoherence", "transform_circuits", "transfer"):
        measured = runner.measure(name, on_folder(name, edge / "constant"))
        assert measured.rows == []
        (sentence,) = runner.module(name).findings(measured.rows)
        assert "energy" in sentence


def test_estimators_are_fitted_on_the_other_pictures_alone(edge, monkeypatch):
    used = []
    estimate = conditional_expectation.estimate

    def watched(joint, **options):
        used.append(joint)
        return estimate(joint, **options)

    monkeypatch.setattr(conditional_expectation, "estimate", watched)
    params = on_folder("conditional_expectation", edge / "one in colour")
    rows = conditional_expectation.run(params)
    pictures = gather(params.images).pictures
    (quality,) = params.qualities
    for picture, joint in zip(pictures, used, strict=True):
        rest = [conditional_expectation.joint_operator(other, quality) for other in pictures if other is not picture]
        assert joint.count == sum(one.count for one in rest)
        # One subtraction of sums of squares below 255²·n: a few digits of rounding.
        np.testing.assert_allclose(joint.matrix, sum(one.matrix for one in rest), rtol=1e-9, atol=1e-5)
    assert [row.fitted_on for row in rows] == [0, len(pictures) - 1] * len(pictures)
    alone = conditional_expectation.run(on_folder("conditional_expectation", edge / "colour"))
    assert [row.fitted_on for row in alone] == [0, len(images.BUNDLED)]


def test_gains_from_other_pictures_do_not_change_with_the_picture(edge, tmp_path):
    """α of "other" is that of the remaining pictures: as if they alone had been given for it."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    photograph = images.bundled("coffee")
    for k in range(3):
        images.save(photograph[64 * k : 64 * k + 48, 100:164], folder / f"{k}.png")
    together = decoherence.run(on_folder("decoherence", folder))
    params = dataclasses.replace(
        on_folder("decoherence", folder),
        images=(str(folder / "0.png"),),
        alpha_from=(str(folder / "1.png"), str(folder / "2.png")),
    )
    apart = decoherence.run(params)

    def predicted(rows):
        chosen = [row for row in rows if row.image == "0" and row.alpha_from == "other"]
        return {row.reconstruction: row.model_fraction for row in chosen}

    assert set(predicted(together)) == {"centroid", "midpoint", "dithered"}
    # Marginals are sums; taking one out again loses a few digits.
    assert predicted(together) == pytest.approx(predicted(apart), rel=1e-9)


def test_alpha_from_nothing_but_the_pictures_themselves_is_refused(edge):
    params = dataclasses.replace(on_folder("decoherence", edge / "colour"), alpha_from=(str(edge / "colour"),))
    with pytest.raises(ValueError, match="alpha_from must hold a picture that images does not"):
        decoherence.run(params)


def test_a_channel_beats_identity_and_populations_alone():
    """Design, section 3b: what a channel model must do to explain anything, on pictures of its own α."""
    rows = [row for row in tiny("decoherence").rows if row.image == "pooled" and row.reconstruction == "centroid"]
    assert [row.alpha_from for row in rows] == ["same", "other"]
    assert rows[0].model_fraction < rows[0].populations_only_fraction < 1


def test_pairs_agree_with_the_files():
    for row in pairs.run(dataclasses.replace(pairs.TINY, qualities=(50,), subsamplings=("4:4:4",))):
        picture = images.box_mean(images.bundled(row.image), pairs.TINY.box_mean)
        pair = images.jpeg_round_trip(picture, quality=50, subsampling="4:4:4")
        assert (row.height, row.width) == picture.shape[:2]
        assert row.patches == math.ceil(row.height / 8) * math.ceil(row.width / 8)
        assert row.file_bytes == len(pair.file)
        assert row.bits_per_pixel == pytest.approx(8 * len(pair.file) / (row.height * row.width))


def test_a_picture_is_the_purification_of_its_operator():
    for row in tiny("purification").rows:
        # Rounding of matrix products over a few thousand pixels.
        assert row.reduced_state_error < 1e-12
        assert row.ensemble_error < 1e-12
        assert row.entanglement_entropy_bits == pytest.approx(row.entropy_bits, abs=1e-9)
        assert row.relative_squared_error == pytest.approx(row.discarded_weight, abs=1e-12)


def test_no_basis_truncates_better_than_the_pictures_own():
    rows = tiny("truncation").rows
    weights = {(row.image, row.rank, row.transform, row.fitted_on): row.discarded_weight for row in rows}
    for (image, rank, _, _), weight in weights.items():
        assert weights[image, rank, "KLT", "itself"] <= weight + 1e-12
        assert 0 <= weight <= 1


@pytest.mark.slow
def test_resamples_come_closer_with_more_pictures():
    params = dataclasses.replace(convergence.TINY, draws=8)
    rows = [row for row in convergence.run(params) if row.block == "joint"]
    first, last = (np.mean([row.trace_distance for row in rows if row.n_images == n]) for n in (1, 4))
    # The error falls as n to about −1/2: half of it at four pictures. Spread of the mean of 8 draws: a tenth.
    assert last < 0.8 * first
    assert all(0 <= row.subspace_cos2 <= 1 + 1e-12 and row.energy_lost > -1e-12 for row in rows)


def test_circuits_agree_with_matrices_on_pictures():
    rows = tiny("transform_circuits").rows
    assert max(row.agreement for row in rows) < 1e-12
    for row in rows:
        # χ² per degree has standard deviation √(2/degrees); the seed is fixed, four of these are allowed.
        assert abs(row.chi2_per_degree - 1) < 4 * math.sqrt(2 / row.degrees_of_freedom)


def test_psnr_of_shots_follows_the_standard_error():
    measured = shots.run(dataclasses.replace(shots.TINY, shots_per_patch=(4096,), patches=16))
    rows = [row for row in measured if row.representation == "amplitude"]
    for row in rows:
        # First order is optimistic at few counts per amplitude: here 64 on average, within 1 dB.
        assert row.psnr_db == pytest.approx(row.first_order_psnr_db, abs=1)
        assert row.bits_read_per_pixel == 4096 * 6 / 64


def test_gains_are_restored_minus_jpeg():
    rows = tiny("conditional_expectation").rows
    jpeg, restored = rows[0], rows[1]
    assert (jpeg.image, jpeg.method, restored.image) == (restored.image, "JPEG", jpeg.image)
    gain = conditional_expectation.gains(rows, jpeg.quality, "psnr_y_db")
    assert len(gain) == len(images.BUNDLED)
    assert gain[0] == restored.psnr_y_db - jpeg.psnr_y_db


def test_an_unknown_experiment_is_refused():
    with pytest.raises(ValueError, match=r"name must be one of pairs, .*, shots, .*, but name='nosuch'"):
        runner.module("nosuch")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("pairs", {"qualities": (0,)}, r"qualities must be in \[1, 100\], but qualities=0"),
        ("pairs", {"qualities": ()}, r"qualities must hold at least one value, but qualities=\(\)"),
        ("pairs", {"subsamplings": ()}, "subsamplings must hold at least one value"),
        ("pairs", {"subsamplings": ("4:1:1",)}, "subsampling must be one of .*, but subsampling='4:1:1'"),
        ("pairs", {"box_mean": -1}, "box_mean must be an integer of at least 0, but box_mean=-1"),
        ("convergence", {"draws": 0}, "draws must be an integer of at least 1"),
        ("convergence", {"rank": 64}, r"rank must be in \[1, 63\], but rank=64"),
        ("convergence", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("purification", {"rank": 0}, r"rank must be in \[1, 192\], but rank=0"),
        ("truncation", {"ranks": (1, 193)}, r"ranks must be in \[1, 192\], but ranks=193"),
        ("truncation", {"ranks": ()}, "ranks must hold at least one value"),
        ("decoherence", {"qualities": (101,)}, r"qualities must be in \[1, 100\], but qualities=101"),
        ("decoherence", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("conditional_expectation", {"qualities": ()}, "qualities must hold at least one value"),
        ("conditional_expectation", {"shrinkage": 0.0}, "must be positive, but .*=0.0"),
        ("raw_pairs", {"qualities": (0,)}, r"qualities must be in \[1, 100\], but qualities=0"),
        ("raw_pairs", {"subsamplings": ()}, "subsamplings must hold at least one value"),
        ("raw_pairs", {"subsamplings": ("4:1:1",)}, "subsamplings must be one of .*, but subsamplings='4:1:1'"),
        ("transform_circuits", {"transforms": ()}, "transforms must hold at least one value"),
        ("transform_circuits", {"transforms": ("dst",)}, "name must be one of .*, but name='dst'"),
        ("transform_circuits", {"patches": 0}, "patches must be an integer of at least 1"),
        ("transform_circuits", {"shots": 0}, "shots must be an integer of at least 1"),
        ("transform_circuits", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("shots", {"shots_per_patch": (64, 0)}, "shots_per_patch must be an integer of at least 1"),
        ("shots", {"patches": 5000}, r"patches must be in \[1, 4096\], but patches=5000"),
        ("shots", {"repeats": 0}, "repeats must be an integer of at least 1"),
        ("shots", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("universality", {"scales": ()}, "scales must hold at least one value"),
        ("universality", {"scales": (1, 0)}, "scales must be an integer of at least 1, but scales=0"),
        ("universality", {"qualities": (101,)}, r"qualities must be in \[1, 100\], but qualities=101"),
        ("universality", {"draws": 0}, "draws must be an integer of at least 1"),
        ("universality", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("synthesis", {"components": 0}, "components must be an integer of at least 1, but components=0"),
        ("synthesis", {"side": 16}, "side must be an integer of at least 32, but side=16"),
        ("synthesis", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("synthesis", {"prior": "default"}, "components has no effect where prior is given, but components=4"),
        ("image_mps", {"bonds": (0,)}, "bonds must be an integer of at least 1, but bonds=0"),
        ("image_mps", {"orders": ("hilbert",)}, "orders must be one of morton, .*, but orders='hilbert'"),
        ("image_mps", {"refinements": -1}, "refinements must be an integer of at least 0"),
        ("image_mps", {"fillings": -1}, "fillings must be an integer of at least 0"),
        ("operator_mpo", {"bonds": ()}, "bonds must hold at least one value"),
        ("operator_mpo", {"orders": ("diagonal",)}, "orders must be one of .*, but orders='diagonal'"),
        ("train_circuits", {"qubits": 2}, r"qubits must be in \[4, 20\], but qubits=2"),
        ("train_circuits", {"qubits": 7}, "qubits must be even, but qubits=7"),
        ("train_circuits", {"layers": (0,)}, "layers must be an integer of at least 1, but layers=0"),
        ("train_circuits", {"bonds": (65,)}, r"bonds must be in \[1, 64\], but bonds=65"),
        ("train_circuits", {"order": "quadtree"}, "order must be one of morton, row_major, but order='quadtree'"),
        ("unitary_denoising", {"side": 4}, "side must be 0 or at least 8, but side=4"),
        ("unitary_denoising", {"degrees": (5,)}, "degrees must be even and at least 2, but degrees=5"),
        ("unitary_denoising", {"odd_degrees": (4,)}, "odd_degrees must be odd, but odd_degrees=4"),
        ("unitary_denoising", {"strengths": (2.0,)}, r"strengths must be in \(0, 1\], but strengths=2.0"),
        ("degradations", {"crop": 5}, "crop must be 0 or at least 12, but crop=5"),
        ("degradations", {"sigmas": ()}, "sigmas must hold at least one value"),
        ("degradations", {"sigmas": (0.0,)}, "sigmas must be positive, but sigmas=0.0"),
        ("degradations", {"tasks": ("rain",)}, "tasks must be one of .*, but tasks='rain'"),
        ("degradations", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("restoration", {"qualities": (0,)}, r"qualities must be in \[1, 100\], but qualities=0"),
        ("restoration", {"protocols": ("rgb",)}, "protocols must be one of colour, luma, but protocols='rgb'"),
        ("restoration", {"methods": ("magic",)}, "methods must be one of .*, but methods='magic'"),
        ("calibration", {"effort": 10}, r"effort must be in \[1, 9\], but effort=10"),
        ("double_jpeg", {"shift": 8}, r"shift must be in \[1, 7\], but shift=8"),
        ("restoration_data", {"counts": (0,)}, "counts must be an integer of at least 1, but counts=0"),
        ("restoration_data", {"classes": ()}, "classes must hold at least one value"),
        ("restoration_raw", {"qualities": (101,)}, r"qualities must be in \[1, 100\], but qualities=101"),
        ("restoration_raw", {"classes": ()}, "classes must hold at least one value"),
        ("restoration_raw", {"fits": ("raw",)}, r"fits must be one of .*both \(unrounded\).*, but fits='raw'"),
        ("restoration_raw", {"tone": "log"}, "tone must be one of linear, rendered, but tone='log'"),
        ("restoration_raw", {"tone": "linear"}, "tone must be 'rendered' without RAW files, but tone='linear'"),
        ("restoration_raw", {"networks": (0,)}, "networks must be an integer of at least 1, but networks=0"),
        ("restoration_raw", {"tile": 32}, "tile must be an integer of at least 64, but tile=32"),
        ("network_prior", {"counts": (0,)}, "counts must be an integer of at least 1, but counts=0"),
        ("network_prior", {"seeds": ()}, r"seeds must hold at least one value, but seeds=\(\)"),
        ("network_prior", {"draws": 0}, "draws must be an integer of at least 1, but draws=0"),
        ("network_prior", {"uses": ("magic",)}, r"uses must be one of .*, but uses='magic'"),
        ("network_prior", {"uses": ("input",)}, "uses must have files of restorers or priors, but uses='input'"),
        (
            "network_prior",
            {"folds": ("x",)},
            r"images must name held-out pictures where folds are given, but images=\(\)",
        ),
        ("network_prior", {"images": ("x",), "folds": ("x",)}, "box_mean has no effect where folds are given, .*=1"),
        ("network_prior", {"width": 0}, "width must be an integer of at least 1, but width=0"),
        ("network_prior", {"every": 0}, "every must be an integer of at least 1, but every=0"),
        ("perception", {"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
        ("born_machine", {"bond": 0}, "bond must be an integer of at least 1, but bond=0"),
        ("born_machine", {"components": 5}, r"components must be in \[0, 4\], but components=5"),
        ("born_machine", {"binarisation": "dither"}, "binarisation must be one of sample, threshold, but .*='dither'"),
        ("born_machine", {"rate": 1.5}, r"rate must be in \(0, 1\], but rate=1.5"),
        ("born_machine", {"cooling": -1.0}, "cooling must be at least 0, but cooling=-1.0"),
        ("born_machine", {"floor": 0.5}, r"floor must be in \[0, 0.5\), but floor=0.5"),
        ("complex_chroma", {"columns": 9}, r"columns must be in \[1, 8\], but columns=9"),
        ("complex_chroma", {"noise_variance": 0.0}, "noise_variance must be positive, but noise_variance=0.0"),
    ],
)
def test_bad_parameters_are_named(name, change, message):
    module = runner.module(name)
    with pytest.raises(ValueError, match=message):
        module.run(dataclasses.replace(module.TINY, **change))


def test_nothing_is_left_where_recording_fails(measured, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "write_figure", stop)
    with pytest.raises(KeyboardInterrupt):
        runner.record(measured, tmp_path)
    assert list((tmp_path / measured.name).iterdir()) == []


def test_a_new_folder_is_filled_completely_or_not_made(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "old").write_text("kept")
    (tmp_path / "empty").mkdir()
    with pytest.raises(runner.ResultsExist, match="taken: exists already"), runner.new_folder(tmp_path / "taken"):
        pass
    with pytest.raises(FileNotFoundError, match="no such folder to write b into"), runner.new_folder(tmp_path / "a/b"):
        pass
    for name in ("fresh", "empty"):
        with runner.new_folder(tmp_path / name) as partial:
            (partial / "file").write_text("new")
            assert partial.parent == tmp_path
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {
        *("taken", "taken/old", "fresh", "fresh/file", "empty", "empty/file")
    }
