"""Training networks: draws, held-out gains, the regulariser, steps that can be interrupted, and the command."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import qimg
from qimg import images, prior, restoration
from qimg.cli import main
from qimg.core.fitting import Checkpoint
from qimg.images.collections import Source
from qimg.images.jpeg import blocks as jpeg_blocks
from qimg.learning.crops import Places
from qimg.prior import GaussianMixture
from qimg.restoration.jpeg import cascade
from qimg.restoration.jpeg.fitting import Recipe as FitRecipe
from qimg.restoration.jpeg.fitting import fit as fit_explicit
from qimg.restoration.jpeg.fitting.calibration import calibrations
from qimg.restoration.jpeg.fitting.draws import Draw, planes
from qimg.restoration.jpeg.network import Architecture, Network, load
from qimg.restoration.jpeg.network.architecture import table_scales
from qimg.restoration.jpeg.training import Recipe, fit, pictures
from qimg.restoration.jpeg.training.held_out import HeldOut, large_enough
from qimg.restoration.jpeg.training.objective import train
from qimg.restoration.jpeg.training.pool import (
    FINE,
    Picture,
    Pool,
    first_not_fitted_on,
    fitted_on,
    make,
    quality_table,
    turned,
)
from qimg.restoration.jpeg.training.regulariser import Regulariser
from qimg.restoration.jpeg.training.spread import learn_spread

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
PREDICTIONS = 25 * 2.0 ** np.array([-4.5, 0.5])
"""Deviations under a table of 200 that lie where scales are kept."""
TINY = Recipe(width=4, blocks=1, batch=4, crop=4, warmup=5, steps=20, rate=5e-3)


def photograph(name: str, rows: int = 176, columns: int = 208) -> Picture:
    pixels = images.bundled(name)[:rows, :columns]
    return Picture(name, *planes(Source(name=name, group="", array=pixels)))


PHOTOGRAPHS = [photograph("coffee"), photograph("chelsea")]


@pytest.fixture(scope="module")
def pool() -> Pool:
    return make(PHOTOGRAPHS, versions=3, seed=0, least=4)


@pytest.fixture(scope="module")
def held_out() -> HeldOut:
    return HeldOut([photograph("astronaut")], device=CPU, prior=None, effort=0)


@pytest.fixture(autouse=True)
def _one_thread():
    """The bits of a training are those of one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tensors(pool: Pool) -> dict[str, torch.Tensor]:
    return {name: value for name, value in vars(pool).items() if value is not None}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# Draws.


# Threads of NumPy or PyTorch may be there; what is forked uses none of them. Python warns from 3.12 on.
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_the_seed_decides_all_whatever_the_number_of_workers(pool):
    again = make(PHOTOGRAPHS, versions=3, seed=0, least=4, workers=2)
    assert equal(tensors(pool), tensors(again))
    other = make(PHOTOGRAPHS, versions=3, seed=1, least=4)
    assert not equal(tensors(pool), tensors(other))
    with pytest.raises(ValueError, match="workers must be an integer of at least 1, but workers=0"):
        make(PHOTOGRAPHS, versions=1, seed=0, workers=0)


def test_crops_are_parts_of_their_draws(pool):
    # luma three times and, in a third of the versions, one plane of chroma at half size
    assert pool.pictures.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    for draw in range(len(pool.starts)):
        rows, columns = pool.sides[draw].tolist()
        start, size = int(pool.starts[draw]), 64 * rows * columns
        table = pool.tables[draw].numpy()
        coefficients = (
            pool.coefficients[start : start + size].numpy().reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
        )
        whole = jpeg_blocks.decoded(coefficients, table)
        truth = pool.truth[start : start + size].numpy().reshape(8 * rows, 8 * columns) / FINE
        places = torch.tensor([[draw, 0, 0], [draw, rows - 3, columns - 3], [draw, 1, 2]])
        crops = pool.crops(places, 3)
        for (_, row, column), decoded, true in zip(places.tolist(), crops.decoded, crops.truth, strict=True):
            own = slice(8 * row, 8 * row + 24), slice(8 * column, 8 * column + 24)
            assert np.abs(decoded[0].numpy() - whole[own]).max() < 1e-3  # single precision of code values
            assert np.array_equal(true[0].numpy(), truth[own])
        assert crops.tables.shape == (3, 8, 8)
        assert crops.estimate is None
        assert set(crops.pictures.tolist()) == {int(pool.pictures[draw])}
        # what the file says is at most half a step from the truth in every coefficient
        error = (jpeg_blocks.to_blocks(truth.astype(np.float32) - whole) @ jpeg_blocks.DCT.T) / table.ravel()
        assert np.abs(error).max() < 0.5 + 64 / FINE


def test_truths_are_samples_of_a_turned_picture(pool):
    start, (rows, columns) = int(pool.starts[0]), pool.sides[0].tolist()
    truth = pool.truth[start : start + 64 * rows * columns].numpy().reshape(8 * rows, 8 * columns) / FINE
    found = 0
    for element in range(8):
        whole = turned(PHOTOGRAPHS[0].luma, element)
        for top in range(whole.shape[0] - 8 * rows + 1):
            for left in range(whole.shape[1] - 8 * columns + 1):
                part = whole[top : top + 8 * rows, left : left + 8 * columns]
                found += part.shape == truth.shape and np.abs(part - truth).max() <= 0.5 / FINE
    assert found == 1


def test_pictures_are_turned_by_the_symmetries_of_the_square():
    plane = np.arange(6.0).reshape(2, 3)
    several = {turned(plane, element).tobytes() + str(turned(plane, element).shape).encode() for element in range(8)}
    assert len(several) == 8
    assert np.array_equal(turned(plane, 0), plane)
    assert np.array_equal(turned(plane, 4), plane.T)
    assert np.array_equal(turned(plane, 3), plane[::-1, ::-1])


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_tables_are_those_of_an_encoder(seed, chroma):
    table = quality_table(5, 95, chroma=chroma, rng=np.random.default_rng(seed))
    assert table.shape == (8, 8)
    assert np.array_equal(table, np.rint(table))
    assert table.min() >= 1
    assert table.max() <= 255


def test_some_tables_are_tilted_and_qualities_are_even_in_their_logarithm():
    rng = np.random.default_rng(0)
    known = {images.quantization_table(quality).tobytes(): quality for quality in range(10, 91)}
    found = [known.get(quality_table(10, 90, chroma=False, rng=rng).tobytes()) for _ in range(2000)]
    plain = [quality for quality in found if quality is not None]
    assert min(plain) >= 10
    assert max(plain) <= 90
    # 15 % are tilted, and a few of these not enough to change a step: standard error 0.8 %
    assert 0.11 < 1 - len(plain) / 2000 < 0.18
    # 10 to 30 is half of the logarithm of 10 to 91: standard error 1.2 %
    assert abs(np.mean(np.array(plain) < 30) - np.log(30 / 10) / np.log(91 / 10)) < 0.05


def test_places_are_inside_and_even(pool):
    places = Places(pool, 4).draw(4000, torch.Generator().manual_seed(0))
    draw, row, column = places.unbind(1)
    room = pool.sides - 4 + 1
    assert (row >= 0).all()
    assert (row < room[draw, 0]).all()
    assert (column < room[draw, 1]).all()
    expected = room.prod(dim=1) / room.prod(dim=1).sum()
    found = torch.bincount(draw, minlength=len(room)) / 4000
    assert (found - expected).abs().max() < 4 * (0.25 / 4000) ** 0.5  # four standard errors
    with pytest.raises(ValueError, match="crop must fit into a draw, but crop=99"):
        Places(pool, 99)


def test_too_small_pictures_are_refused_with_the_rule():
    small = Picture("small", np.zeros((70, 200), np.float32), [])
    with pytest.raises(ValueError, match="pictures must hold one of at least 135 samples on a side, but pictures=70"):
        make([small], versions=1, seed=0, least=16)
    assert len(make([small._replace(luma=np.zeros((135, 135), np.float32))], versions=5, seed=0, least=16).starts) == 5
    with pytest.raises(ValueError, match=r"held_out must hold a picture of at least 160 samples on a side, .*=70"):
        HeldOut([small], device=CPU, prior=None, effort=0)
    assert large_enough([small, PHOTOGRAPHS[0]]) == [PHOTOGRAPHS[0]]


def test_sources_are_read_as_the_explicit_fit_does(tmp_path):
    images.save(images.bundled("coffee")[:80, :96], tmp_path / "a.png")
    images.save(images.bundled("coffee")[:80, :96, 1], tmp_path / "gray.png")
    images.save(images.bundled("coffee")[:20, :96], tmp_path / "small.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    found, skipped = pictures.read([tmp_path.name], root=tmp_path.parent)
    assert [Path(one.name).name for one in found] == ["a.png", "gray.png"]
    luma = np.rint(images.luma(images.load(tmp_path / "a.png")))
    assert np.array_equal(found[0].luma, luma)
    assert [plane.shape for plane in found[0].chroma] == [(40, 48), (40, 48)]
    assert found[1].chroma == []
    assert "the same file as" in skipped[0]["skipped"]
    assert "must measure at least 64×64 pixels" in skipped[1]["skipped"]
    with pytest.raises(images.ImageError, match=r"none of the 1 pictures can be used: .*small\.png"):
        pictures.read([tmp_path / "small.png"])


# Who may advise on whom.


class Fitted:
    def __init__(self, *inputs: object) -> None:
        self.provenance = {"inputs": list(inputs)}


def test_a_picture_is_advised_by_what_was_not_fitted_on_it():
    restorer, other = Fitted("a.png", "b.png"), Fitted({"name": "c.png", "sha256": ""})
    assert fitted_on(restorer, "a.png")
    assert not fitted_on(other, "a.png")
    assert [first_not_fitted_on(name, [restorer, other]) for name in ("a.png", "c.png", "d.png")] == [1, 0, 0]
    with pytest.raises(ValueError, match=r"but all were fitted on c\.png"):
        first_not_fitted_on("c.png", [other])
    with pytest.raises(ValueError, match="priors must hold one that was not fitted on each picture, but priors="):
        first_not_fitted_on("c.png", [])


@pytest.fixture(scope="module")
def explicit() -> restoration.Model:
    recipe = FitRecipe(classes=(2,), pixels=40_000, most=1, gate_vectors=1000, epochs=1)
    return fit_explicit([images.bundled("motorcycle")[:256, :256]], recipe)


def test_estimates_are_those_of_the_adviser(explicit):
    one = Picture("coffee", PHOTOGRAPHS[0].luma[:80, :88], [])
    pool = make([one], versions=1, seed=3, least=4, advisers=[explicit], effort=1)
    rows, columns = pool.sides[0].tolist()
    coefficients = pool.coefficients.numpy().reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
    from qimg.restoration.jpeg.estimator import Explicit, in_strips

    expected = in_strips(Explicit(explicit, 1), coefficients, pool.tables[0].numpy().astype(float)).values
    found = pool.crops(torch.tensor([[0, 0, 0]]), min(rows, columns)).estimate
    side = 8 * min(rows, columns)
    # kept in steps of 1/64 of a code value
    assert np.abs(found[0, 0].numpy() - expected[:side, :side]).max() <= 0.5 / FINE + 1e-3
    seen = one._replace(name="array 1")
    with pytest.raises(ValueError, match="all were fitted on array 1"):
        make([seen], versions=1, seed=3, least=4, advisers=[explicit], effort=1)


def test_gains_are_those_of_a_restored_file(explicit):
    picture = photograph("astronaut")
    held = HeldOut([picture], device=CPU, prior=explicit, effort=1)
    untrained = Network(Architecture(width=4, blocks=1))
    assert held(untrained) == {"Q10": 0.0, "Q20": 0.0, "Q40": 0.0}
    top, left = ((length - 160) // 2 for length in picture.luma.shape)
    plane = images.to_uint8(picture.luma[top : top + 160, left : left + 160])
    coded = images.jpeg_round_trip(plane, quality=20)
    restored = qimg.restore(coded.file, model=explicit, effort=1)
    gain = qimg.psnr_db(plane, restored) - qimg.psnr_db(plane, coded.image)
    # libjpeg's integer transform decodes some pixels to the next code value
    assert held.of_estimates()["Q20"] == pytest.approx(gain, abs=0.01)


# The regulariser.


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_regulariser_is_minus_the_log_likelihood(seed):
    rng = np.random.default_rng(seed)
    mixtures = []
    for _ in range(2):
        factors = np.tril(rng.normal(size=(3, 63, 63)), -1) / 20 + np.eye(63) * rng.uniform(1, 3, (3, 1, 63))
        mixtures.append(GaussianMixture(weights=np.array([0.5, 0.3, 0.2]), factors=factors))
    planes = rng.normal(128, 4, (3, 1, 24, 16)).astype(np.float32)
    judges = [1, 0]
    chosen = [0, 1, 1]
    expected = []
    for plane, picture in zip(planes[:, 0].astype(float), chosen, strict=True):
        for part in (plane, plane[4:-4, 4:-4]):
            blocks = jpeg_blocks.to_blocks(part.astype(np.float32)).astype(float)
            vectors = blocks @ jpeg_blocks.DCT[1:].T.astype(float)
            expected.append(-mixtures[judges[picture]].log_likelihood(vectors) / 63)
    found = Regulariser(mixtures, judges)(torch.from_numpy(planes), torch.tensor(chosen))
    assert float(found) == pytest.approx(np.concatenate(expected).mean(), rel=1e-4)  # single precision


def test_the_shipped_prior_finds_smooth_patches_likelier_and_its_gradient_is_finite():
    known = prior.load()
    regulariser = Regulariser([known.mixtures["patch8"].mixture], [0])
    luma = torch.from_numpy(PHOTOGRAPHS[0].luma[:64, :64].copy())[None, None]
    noisy = luma + 30 * torch.randn(luma.shape, generator=torch.Generator().manual_seed(0))
    noisy.requires_grad_()
    zero = torch.tensor([0])
    value = regulariser(noisy, zero)
    assert value.item() > regulariser(luma, zero).item() + 0.5
    value.backward()
    assert torch.isfinite(noisy.grad).all()
    assert noisy.grad.abs().max() > 0
    # the density in code values, of which `log_likelihood` is in 1/255
    patches = jpeg_blocks.to_blocks(PHOTOGRAPHS[0].luma[:64, :64]).astype(float) / 255
    inner = jpeg_blocks.to_blocks(np.ascontiguousarray(PHOTOGRAPHS[0].luma[4:60, 4:60])).astype(float) / 255
    nats = known.log_likelihood(np.concatenate([patches, inner])) - 63 * np.log(255)
    assert float(regulariser(luma, zero)) == pytest.approx(-nats.mean() / 63, rel=1e-4)


# Steps.


class Stopped(Exception):
    pass


def test_the_loss_goes_down_and_gains_come(pool, held_out):
    recipe = Recipe(width=8, blocks=1, batch=8, crop=4, warmup=10, steps=120, rate=5e-3, averaging=0.9)
    records = []
    state = train(recipe, pool, held_out, device=CPU, every=30, report=records.append)
    assert [record.step for record in records] == [30, 60, 90, 120]
    assert state.log == records
    assert records[-1].loss < 0.97 * records[0].loss
    assert records[-1].held_out["Q10"] > 0.2
    assert [record.seconds for record in records] == sorted(record.seconds for record in records)
    assert state.machine == "cpu, 1 thread(s)"


@pytest.mark.parametrize("use", [(), ("projection",), ("regulariser",)])
def test_an_interrupted_training_goes_on_as_if_it_had_not_been(use, pool, held_out, tmp_path):
    recipe = replace(TINY, use=use)
    chance = GaussianMixture(weights=np.ones(1), factors=20 * np.eye(63)[None])
    regulariser = Regulariser([chance], [0, 0]) if use == ("regulariser",) else None
    options = {"device": CPU, "every": 5, "regulariser": regulariser}
    whole = train(recipe, pool, held_out, **options)

    def stop(record):
        if record.step == 10:
            raise Stopped

    path = tmp_path / "state"
    with pytest.raises(Stopped):
        train(recipe, pool, held_out, checkpoint=Checkpoint(path, recipe=recipe), report=stop, **options)
    steps = []
    checkpoint = Checkpoint(path, recipe=recipe)
    resumed = train(
        recipe, pool, held_out, checkpoint=checkpoint, report=lambda record: steps.append(record.step), **options
    )
    assert steps == [15, 20]
    for name in ("network", "averaged"):
        assert equal(getattr(whole, name).state_dict(), getattr(resumed, name).state_dict())
    assert [(one.step, one.loss, one.held_out) for one in whole.log] == [
        (one.step, one.loss, one.held_out) for one in resumed.log
    ]
    # A training that is over stays as it is.
    over = train(recipe, pool, held_out, checkpoint=checkpoint, **options)
    assert equal(over.averaged.state_dict(), whole.averaged.state_dict())
    assert len(over.log) == 4


def test_what_is_no_checkpoint_of_the_training_is_named(pool, held_out, tmp_path):
    path = tmp_path / "state"
    train(TINY, pool, held_out, device=CPU, checkpoint=Checkpoint(path, recipe=TINY))
    other = replace(TINY, seed=1)
    with pytest.raises(ValueError, match="state: is the checkpoint of another recipe; remove it, or write elsewhere"):
        train(other, pool, held_out, device=CPU, checkpoint=Checkpoint(path, recipe=other))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"state: cannot be read as the checkpoint of a fit: .*; remove it"):
        train(TINY, pool, held_out, device=CPU, checkpoint=Checkpoint(path, recipe=TINY))
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"state: cannot be read as the checkpoint of a fit: .*; remove it"):
        train(TINY, pool, held_out, device=CPU, checkpoint=Checkpoint(path, recipe=TINY))


def test_minutes_end_a_training(pool, held_out, tmp_path):
    recipe = replace(TINY, steps=10**6)
    checkpoint = Checkpoint(tmp_path / "state", recipe=recipe)
    state = train(recipe, pool, held_out, device=CPU, checkpoint=checkpoint, minutes=0.5 / 60)
    assert 1 < state.step < 10**6
    assert 0.5 <= state.seconds < 5  # one step beyond half a second
    assert [record.step for record in state.log] == [state.step]
    # The rate followed the clock down: a step that changes nothing more is left.
    assert float(state.optimizer.param_groups[0]["lr"]) < 0.01 * recipe.rate
    more = train(recipe, pool, held_out, device=CPU, checkpoint=checkpoint, minutes=1 / 60)
    assert more.step > state.step
    assert 0 < more.log[-1].loss < 1
    with pytest.raises(ValueError, match="minutes must be positive, but minutes=0"):
        train(recipe, pool, held_out, device=CPU, minutes=0)


def test_the_spread_is_learnt_without_touching_the_mean(pool, held_out):
    network = train(TINY, pool, held_out, device=CPU).averaged
    crops = pool.crops(Places(pool, 4).draw(64, torch.Generator().manual_seed(1)), 4)
    with torch.no_grad():
        before, nothing = network(crops.decoded, crops.tables)
    learn_spread(network, pool, replace(TINY, spread_steps=200))
    with torch.no_grad():
        after, spread = network(crops.decoded, crops.tables)
    assert torch.equal(before, after)
    squared = ((crops.truth - after) / table_scales(crops.tables)).square()

    def surprise(belief: torch.Tensor) -> float:
        return float((squared * torch.exp(-belief) + belief).mean())

    # Better than any one variance for all pixels, whose surprise is 1 + ln of the mean square at best.
    assert surprise(spread) < 1 + float(squared.mean().log()) - 0.05
    assert not nothing.any()


def test_weights_follow_from_the_seed(pool, held_out):
    short = replace(TINY, steps=3)
    one, same = (train(short, pool, held_out, device=CPU).network.state_dict() for _ in range(2))
    other = train(replace(short, seed=1), pool, held_out, device=CPU).network.state_dict()
    assert equal(one, same)
    assert not equal(one, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use": ("magic",)}, "use must be one of input, projection, regulariser, but use='magic'"),
        ({"steps": 0}, "steps must be an integer of at least 1, but steps=0"),
        ({"batch": 0}, "batch must be an integer of at least 1, but batch=0"),
        ({"qualities": (0, 95)}, r"qualities must be in \[1, 100\], but qualities=0"),
        ({"qualities": (50, 40)}, r"qualities must be in \[50, 100\], but qualities=40"),
        ({"averaging": 1.0}, r"averaging must be in \[0, 1\), but averaging=1.0"),
        ({"rate": 0.0}, "rate must be positive, but rate=0.0"),
        ({"width": 0}, "width must be an integer of at least 1, but width=0"),
        ({"seed": -1}, "seed must be an integer of at least 0, but seed=-1"),
    ],
)
def test_bad_recipes_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**change)


def test_the_recipe_says_what_the_prior_is():
    assert Recipe().architecture == Architecture(width=48, blocks=5, estimate=False, cell=0.7)
    assert Recipe(use=()).architecture.cell == 0
    assert Recipe(use=("input", "projection")).architecture.estimate


# From pictures to a file.


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Two photographs to train on, one that is held out, and one that is too small for anything."""
    root = tmp_path_factory.mktemp("pictures")
    for folder, names in {"train": ("coffee", "chelsea"), "rest": ("astronaut",)}.items():
        (root / folder).mkdir()
        for name in names:
            images.save(images.bundled(name)[:176, :208], root / folder / f"{name}.png")
    images.save(images.bundled("coffee")[:20, :20], root / "rest" / "small.png")
    return root


NUMBERS = {"width": 4, "blocks": 1, "batch": 4, "crop": 4, "warmup": 5, "steps": 20, "rate": 5e-3, "versions": 2}
NUMBERS |= {"spread_steps": 10}
OPTIONS = [word for name, value in NUMBERS.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def test_the_command_trains_a_network_that_restores(folders, tmp_path):
    out = tmp_path / "my.network"
    command = [sys.executable, "-m", "qimg", "fit", "network", "train", "--held-out", "rest", "--out", str(out)]
    environment = {name: value for name, value in os.environ.items() if name != "QIMG_DATA"}
    found = subprocess.run(
        [*command, *OPTIONS], cwd=folders, env=environment, capture_output=True, text=True, check=True
    )
    assert "skipped rest/small.png: must measure at least 64×64 pixels, but measures 20×20" in found.stderr
    assert found.stdout.endswith(f"{out}: Learned(2 pictures, 4 channels, 1 blocks, 4460 weights)\n")
    log = (tmp_path / "my.network.log").read_text()
    assert log.startswith("step 20, 0 s: error 0.")
    assert log in found.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my.network", "my.network.log"]

    model = load(out)
    provenance = model.provenance
    assert provenance["inputs"] == ["train/chelsea.png", "train/coffee.png"]
    assert provenance["held_out"] == ["rest/astronaut.png"]
    assert [record["name"] for record in provenance["skipped"]] == ["rest/small.png"]
    assert provenance["steps"] == 20
    assert provenance["recipe"]["width"] == 4
    assert provenance["machine"] == "cpu, 1 thread(s)"
    assert provenance["log"][0]["step"] == 20
    assert provenance["versions"]["torch"] == torch.__version__
    content = images.jpeg_round_trip(images.bundled("motorcycle")[:64, :72], quality=20).file
    restored = restoration.restore_picture(content, method="network", model=model)
    assert restored.image.shape == (64, 72, 3)
    assert restored.deviation.min() > 0
    assert restored.half_width(0.9).mean() > restored.half_width(0.5).mean()

    # The same training in this process gives the same bits.
    again = fit([folders / "train"], Recipe(**NUMBERS), held_out=[folders / "rest"])
    assert again.sha256 == model.sha256


def command(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says where it fails."""
    with pytest.raises(SystemExit) as ended:
        main(["fit", "network", *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("qimg: error: ")
    assert said.count("\n") == 1
    return said


def test_bad_input_is_one_sentence(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folders)
    monkeypatch.delenv("QIMG_DATA", raising=False)
    out = tmp_path / "my.network"
    given = ["train", "--held-out", "rest", "--out", str(out), *OPTIONS]
    assert "none: no such file or folder" in command("none", *given[1:], capsys=capsys)
    assert "--held-out must hold no picture of sources, such as train/chelsea.png" in command(
        "train", "--held-out", "train", "--out", str(out), capsys=capsys
    )
    assert "use must not hold 'input' for a network that restores files" in command(
        *given, "--use", "input", capsys=capsys
    )
    assert "priors must hold one that was not fitted on each picture" in command(
        *given, "--use", "regulariser", capsys=capsys
    )
    assert "none.prior: cannot be read" in command(*given, "--priors", "none.prior", capsys=capsys)
    assert "threads must be an integer of at least 1" in command(*given, "--threads", "0", capsys=capsys)
    assert "workers must be an integer of at least 1" in command(*given, "--workers", "0", capsys=capsys)
    assert "device" in command(*given, "--device", "nothing", capsys=capsys)
    if not torch.cuda.is_available():
        assert "CUDA" in command(*given, "--device", "cuda", capsys=capsys)
    assert "minutes must be positive" in command(*given, "--minutes", "0", capsys=capsys)
    assert "is no folder" in command(*given, "--out", str(tmp_path / "none" / "x"), capsys=capsys)
    assert list(tmp_path.iterdir()) == []
    out.write_bytes(b"mine")
    assert "my.network: exists already; remove it or choose another file" in command(*given, capsys=capsys)
    assert out.read_bytes() == b"mine"


def test_a_command_that_is_interrupted_says_how_it_goes_on(folders, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folders)

    def interrupted(*arguments, checkpoint, **options):
        checkpoint.write_bytes(b"state")
        raise KeyboardInterrupt

    monkeypatch.setattr("qimg.cli.fit.network.fit", interrupted)
    out = tmp_path / "my.network"
    with pytest.raises(SystemExit) as ended:
        main(["fit", "network", "train", "--held-out", "rest", "--out", str(out)])
    assert ended.value.code == 130
    said = f"{out}.checkpoint holds the state of the fit; run the same command again to resume\nqimg: interrupted"
    assert capsys.readouterr().err.startswith(said)


def test_priors_regularise_on_pictures_that_they_were_not_fitted_on(folders):
    recipe = replace(TINY, use=("regulariser",), steps=2, versions=1)
    fitted = [
        prior.fit([folders / "train" / name], recipe=prior.Recipe(mixtures={"patch8": 2}, rounds=1, windows=200))
        for name in ("coffee.png", "chelsea.png")
    ]
    model = fit([folders / "train"], recipe, held_out=[folders / "rest"], priors=fitted)
    assert model.provenance["steps"] == 2
    with pytest.raises(ValueError, match=r"but all were fitted on .*coffee\.png"):
        fit([folders / "train"], recipe, held_out=[folders / "rest"], priors=fitted[:1])
    with pytest.raises(ValueError, match=r"priors have no effect without the use regulariser .*, but priors=2"):
        fit([folders / "train"], TINY, held_out=[folders / "rest"], priors=fitted)


# Predicted errors.


@pytest.mark.parametrize("conditional", [False, True])
def test_calibration_makes_predictions_true(conditional):
    rng = np.random.default_rng(0)
    table = np.full((8, 8), 200.0)
    true, predicted = (
        np.repeat([[one, other]], 256, axis=1).repeat(512, axis=0) for one, other in ((2, 8), PREDICTIONS)
    )
    plane = (128 + true * rng.normal(size=true.shape)).astype(np.float32)
    draw = Draw(plane, np.zeros((64, 64, 8, 8), np.int16), table)

    def estimates(coefficients, steps):
        return [cascade.Estimate(jpeg_blocks.decoded(coefficients, steps), np.square(predicted))]

    (found,) = calibrations(estimates, 1, [draw], conditional=conditional)
    deviations = np.sqrt(found.calibrated(np.square(predicted), table))
    expected = true if conditional else predicted * np.sqrt(np.mean(np.square(true / predicted)))
    # 131 072 normal variables tell a deviation to 0.2 %
    assert np.allclose(deviations, expected, rtol=0.01)
    if conditional:
        kept = type(found).from_integers(found.to_integers())
        assert np.allclose(kept.calibrated(np.square(predicted), table), np.square(expected), rtol=0.03)
        widths = dict(found.widths(table))
        # of |x| > 0.5, less the half code value that rounding takes: 1.645 − 0.5 / σ for σ = 2 and 8 together
        assert 1.645 - 0.5 / 2 < widths[0.9] < 1.645 - 0.5 / 8
