"""The experiment `network_prior`: every use of the prior, by priors that were fitted on other pictures."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from experiments._run import runner
from experiments._run.pictures import bundled
from experiments.restoration import network_prior
from experiments.restoration.network_prior import ALONE, TINY, USES, Row, final, share_of_steps
from qimg import images, prior
from qimg.restoration.jpeg.fitting import Recipe, fit

pytestmark = pytest.mark.slow

HELD_OUT, FOLDS = "held out", ("first", "second")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two folds of one photograph each, a held-out one, and for each fold a restorer and a prior that know it."""
    folder = tmp_path_factory.mktemp("network prior")
    for name, photograph in zip((HELD_OUT, *FOLDS), ("astronaut", "coffee", "chelsea"), strict=True):
        (folder / name).mkdir()
        images.save(images.bundled(photograph)[:176, :208], folder / name / f"{photograph}.png")
    recipe = Recipe(classes=(2,), pixels=40_000, most=1, gate_vectors=1000, epochs=1)
    for fold in FOLDS:
        fit([fold], recipe, root=folder).save(folder / f"{fold}.restorer")
        few = prior.Recipe(mixtures={"patch8": 2}, rounds=1, windows=200)
        prior.fit([fold], few, root=folder).save(folder / f"{fold}.prior")
    return folder


@pytest.fixture
def params(root, monkeypatch) -> network_prior.Params:
    """Names are looked up in the folder, so that they are those that the fits wrote down."""
    monkeypatch.setenv("QIMG_DATA", str(root))
    return dataclasses.replace(
        TINY,
        images=(HELD_OUT,),
        folds=FOLDS,
        restorers=tuple(str(root / f"{fold}.restorer") for fold in FOLDS),
        priors=tuple(str(root / f"{fold}.prior") for fold in FOLDS),
        counts=(1, 2, 1000),
        effort=1,
        box_mean=0,
    )


@pytest.mark.slow
def test_every_use_of_the_prior_is_measured(params, tmp_path):
    measured = runner.measure("network_prior", params)
    rows = measured.rows
    keys = [(row.use, row.pictures, row.step) for row in rows]
    trained = [(use, count, step) for count in (1, 2) for use in USES for step in (1, 2)]
    alone = [(ALONE, count, 0) for count in (1, 2)]
    assert sorted(keys) == sorted(trained + alone)
    assert all(np.isfinite((row.gain_q10_db, row.gain_q20_db, row.gain_q40_db)).all() for row in rows)
    for row in rows:
        assert (row.weights > 0) == (row.use != ALONE)
        assert np.isfinite(row.drawing_seconds) == ("input" in row.use)
    # an estimate beside the decoded plane is one further input of the first convolution
    weights = {row.use: row.weights for row in rows}
    assert weights["input"] - weights["none"] == 4 * params.width * 9
    # the prior of one photograph already helps on another one
    assert final(rows, ALONE, 1)[0] > 0.05
    assert final(rows, ALONE, 1) == final(rows, ALONE, 2)
    sentences = network_prior.findings(rows)
    assert len(sentences) == 2
    assert sentences[0].startswith("1 picture: without the prior ")
    assert all(f"{use} " in sentences[0] for use in (ALONE, *USES[1:]))
    assert [row[:2] for row in network_prior.tables(rows)["gains"].rows] == [
        [count, use] for count in (1, 2) for use in (ALONE, *USES)
    ]
    folder = runner.record(measured, tmp_path)
    assert sorted(file.name for file in folder.iterdir()) == ["figure.png", "provenance.json", "rows.csv"]
    assert {picture.name for picture in params.inputs().pictures} == {"astronaut", "coffee", "chelsea"}


@pytest.mark.slow
def test_leakage_is_refused(params, root):
    def refused(message: str, **changes: object) -> None:
        with pytest.raises(ValueError, match=message):
            network_prior.run(dataclasses.replace(params, **changes))

    refused(r"all were fitted on first/coffee\.png", restorers=params.restorers[:1])
    refused(r"all were fitted on first/coffee\.png", priors=params.priors[:1])
    refused(r"folds must not contain a held-out picture, but folds='first/coffee\.png'", images=("first",))
    refused(
        r"images must contain no picture that a restorer or a prior was fitted on, but images='first/coffee\.png'",
        images=("first",),
        folds=("second", HELD_OUT),
    )


@pytest.mark.slow
def test_uses_are_those_that_there_are_files_for(params):
    def uses(**changes: object) -> list[str]:
        rows = network_prior.run(dataclasses.replace(params, counts=(1,), **changes))
        return list(dict.fromkeys(row.use for row in rows))

    assert uses(restorers=(), priors=()) == ["none", "projection"]
    assert uses(restorers=()) == ["none", "regulariser", "projection"]
    assert uses(uses=("input",)) == [ALONE, "input"]


def test_pictures_are_drawn_evenly_from_the_folds():
    first, second = (network_prior._planes(bundled()[:2]) for _ in range(2))
    second = [one._replace(name=f"other {one.name}") for one in second]
    for seed in range(4):
        chosen = network_prior._chosen([first, second], 3, seed)
        assert sum(one.name.startswith("other") for one in chosen) == 1
        assert len({one.name for one in chosen}) == 3


@pytest.mark.slow
def test_pictures_of_yours_are_judged_beside_the_bundled_ones(root):
    params = dataclasses.replace(TINY, images=(str(root / HELD_OUT),), counts=(9,))
    rows = network_prior.run(params)
    # the bundled photograph of that name is left out: what is judged is a crop of it
    assert {row.pictures for row in rows} == {len(images.BUNDLED) - 1}
    assert len(params.inputs().pictures) == 1 + len(images.BUNDLED)


def row(use: str, step: int, gain: float, *, seed: int = 0) -> Row:
    return Row(
        use=use, pictures=10, seed=seed, step=step, train_seconds=1.0, drawing_seconds=float("nan"), weights=1,
        gain_q10_db=gain, gain_q20_db=gain, gain_q40_db=gain, loss=0.0,
    )  # fmt: skip


def test_the_share_of_steps_is_the_first_at_which_a_use_is_as_good_as_none_in_the_end():
    rows = [row("none", step, gain) for step, gain in ((100, 0.1), (200, 0.6), (400, 1.0))]
    rows += [row("projection", step, gain) for step, gain in ((100, 0.5), (200, 1.0), (400, 1.2))]
    rows += [row("input", step, gain) for step, gain in ((100, 0.8), (200, 0.8), (400, 0.9))]
    assert share_of_steps(rows, "projection", 10) == 0.5
    assert share_of_steps(rows, "none", 10) == 1.0
    assert np.isnan(share_of_steps(rows, "input", 10))
    assert np.isnan(share_of_steps(rows, "regulariser", 10))
    assert final(rows, "projection", 10) == (1.2, 1.2, 1.2)
    sentence = "10 pictures: without the prior +1.000 dB; input -0.100 dB, projection +0.200 dB."
    assert network_prior.findings(rows) == [sentence]


def test_gains_are_means_over_seeds():
    rows = [row("none", 400, gain, seed=seed) for seed, gain in enumerate((1.0, 2.0))]
    assert final(rows, "none", 10) == (1.5, 1.5, 1.5)
    assert network_prior.tables(rows)["gains"].caption.endswith("seeds: 2")
