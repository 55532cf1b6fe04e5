"""Tensor-train classifiers: scores are those of the dense tensor, gradients are exact, training learns, files agree."""

import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from qimg import tensor_train as tt
from qimg.core import Array
from qimg.core.artifacts import ArtifactError
from qimg.tensor_train.classifier import gradient, memory, scores, sweeps
from qimg.tensor_train.classifier.features import FEATURES, constant_weights, site_vectors
from qimg.tensor_train.classifier.scores import Scaled, class_scores

SEEDS = st.integers(0, 2**32 - 1)


def random_train(seed: int, sites: int, bond: int, labels: int, label_site: int) -> tt.TensorTrain:
    rng = np.random.default_rng(seed)
    bonds = [1, *[bond] * (sites - 1), 1]
    levels = [2 * labels if k == label_site else 2 for k in range(sites)]
    return tt.TensorTrain([rng.normal(size=(bonds[k], levels[k], bonds[k + 1])) for k in range(sites)])


def written_out(train: tt.TensorTrain, label_site: int, labels: int, columns: Array, features: str) -> Array:
    """Scores from the dense tensor, one product with the vectors of each pixel after another."""
    sites = len(columns)
    dims = [2] * sites
    dims.insert(label_site + 1, labels)
    tensor = train.dense().reshape(dims)
    result = []
    for picture in columns.T:
        left = np.moveaxis(tensor, label_site + 1, -1)
        for pixel in picture:
            left = np.tensordot(site_vectors(np.array(pixel), features), left, axes=1)
        result.append(left)
    return np.array(result)


def bars(count: int, seed: int) -> tuple[Array, Array]:
    """Noisy 4×4 pictures of a horizontal or of a vertical bar at a random place."""
    rng = np.random.default_rng(seed)
    labels, places = rng.integers(0, 2, count), rng.integers(0, 4, count)
    pictures = np.zeros((count, 4, 4))
    for picture, label, place in zip(pictures, labels, places, strict=True):
        picture[(place, slice(None)) if label else (slice(None), place)] = 1.0
    return np.clip(pictures + 0.1 * rng.normal(size=pictures.shape), 0, 1).reshape(count, 16), labels


@given(
    seed=SEEDS,
    sites=st.integers(1, 6),
    bond=st.integers(1, 4),
    labels=st.integers(2, 3),
    features=st.sampled_from(FEATURES),
    data=st.data(),
)
def test_scores_are_those_of_the_dense_tensor(
    seed: int, sites: int, bond: int, labels: int, features: str, data: st.DataObject
):
    label_site = data.draw(st.integers(0, sites - 1))
    train = random_train(seed, sites, bond, labels, label_site)
    columns = np.random.default_rng(seed).random((sites, 5))
    expected = written_out(train, label_site, labels, columns, features)
    found = class_scores(train, label_site, columns, features)
    # Sums of at most 4⁵ products with cancellation.
    assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


def test_batched_equals_looped(monkeypatch: pytest.MonkeyPatch):
    train, columns = random_train(0, 5, 3, 3, 2), np.random.default_rng(1).random((5, 23))
    monkeypatch.setattr(scores, "CHUNK", 7)
    looped = np.concatenate([class_scores(train, 2, columns[:, [k]], "linear") for k in range(23)])
    assert_allclose(class_scores(train, 2, columns, "linear"), looped, rtol=1e-10)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_long_trains_neither_overflow_nor_underflow(factor: float):
    """784 cores of 10^±3: the scores would be 10^±2352."""
    cores = [factor * np.eye(2)[:, None].repeat(2, axis=1) for _ in range(784)]
    cores[0], cores[-1] = cores[0][:1], cores[-1][..., :1]
    cores[3] = np.concatenate([cores[3], -cores[3]], axis=1).reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(2, 4, 2)
    found = class_scores(tt.TensorTrain(cores), 3, np.full((784, 2), 0.5), "linear")
    assert np.isfinite(found).all()
    assert (found[:, 0] > 0).all()
    assert_allclose(found[:, 1], -found[:, 0])
    assert np.isfinite(scores.log_softmax(found)).all()


@given(columns=st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((3, 50))))
@settings(max_examples=10)
def test_constant_weights_keep_products_near_one(columns: Array):
    assert_array_equal(constant_weights(columns, "linear"), [[1.0, 0.0]] * 3)
    products = np.einsum(
        "knc,kc->kn", site_vectors(columns, "trigonometric"), constant_weights(columns, "trigonometric")
    )
    # cos + sin lies between 1 and √2, so that a constant multiple of it is within 17 % of 1 everywhere.
    assert np.sqrt(((products - 1) ** 2).mean()) < 0.17


@given(seed=SEEDS, half=st.integers(1, 3), features=st.sampled_from(FEATURES))
@settings(max_examples=15)
def test_the_gradient_of_all_cores_is_that_of_finite_differences(seed: int, half: int, features: str):
    rng = np.random.default_rng(seed)
    columns, targets = rng.random((2 * half, 6)), rng.integers(0, 3, 6)
    model = gradient.initial(columns, bond=2, labels=3, features=features, rng=rng)
    for name in ("ends", "cores", "label"):  # in double precision, away from the start
        array = getattr(model, name).astype(float)
        setattr(model, name, array + 0.3 * rng.normal(size=array.shape))
    _, found = gradient.loss_and_gradient(model, columns, targets, features)
    h = 1e-5
    for array, slope in zip(model.arrays(), found, strict=True):
        direction = rng.normal(size=array.shape)
        losses = []
        for sign in (1, -2, 1):  # forth, back, and to the start
            array += sign * h * direction
            losses.append(gradient.loss_and_gradient(model, columns, targets, features)[0])
        measured = (losses[0] - losses[1]) / (2 * h)
        scale = 1 + float(np.abs(slope).max()) ** 3
        assert float((slope * direction).sum()) == pytest.approx(measured, abs=1e-6 * scale)


@pytest.mark.parametrize("sites", [1, 2, 3, 4, 5])
def test_the_train_has_the_scores_of_the_model_in_training(sites: int):
    rng = np.random.default_rng(sites)
    columns = rng.random((sites, 4))
    padded = columns if sites % 2 == 0 else np.concatenate([columns, np.zeros((1, 4))])
    model = gradient.initial(padded, bond=3, labels=2, features="trigonometric", rng=rng)
    model.cores += rng.normal(size=model.cores.shape).astype(np.float32)
    train = gradient._train_of(model, sites, "trigonometric")
    found = class_scores(train, len(padded) // 2 - 1, columns, "trigonometric")
    for label in range(2):
        loss, _ = gradient.loss_and_gradient(model, padded, np.full(4, label), "trigonometric")
        # Numbers of the model are of single precision; products of at most six cores.
        assert loss == pytest.approx(-scores.log_softmax(found)[:, label].mean(), rel=1e-4, abs=1e-4)


@given(seed=SEEDS)
@settings(max_examples=15)
def test_the_centre_of_a_sweep_is_a_softmax_regression(seed: int):
    rng = np.random.default_rng(seed)
    left, right = (Scaled(rng.normal(size=(9, r)), rng.normal(size=9)) for r in (3, 2))
    first, second, targets = rng.random((9, 2)), rng.random((9, 2)), rng.integers(0, 3, 9)
    problem = sweeps.Softmax(left, first, second, right, targets)
    centre, direction = rng.normal(size=(2, 24, 3))
    outputs, slopes = problem.outputs(centre), problem.outputs(direction)
    scale = np.exp(left.logs + right.logs)
    expected = np.einsum(
        "na,ni,nj,nb,aijbl,n->nl", left.vectors, first, second, right.vectors, centre.reshape(3, 2, 2, 2, 3), scale
    )
    assert_allclose(outputs, expected, rtol=1e-9, atol=1e-9)
    h = 1e-6 / (1 + np.abs(slopes).max())
    measured = (problem.loss(outputs + h * slopes) - problem.loss(outputs - h * slopes)) / (2 * h)
    found = -float((problem.downhill(centre, outputs) * direction).sum())
    assert found == pytest.approx(measured, rel=1e-4, abs=1e-6 * (1 + np.abs(slopes).max()))

    downhill = problem.downhill(centre, outputs)
    line = problem.outputs(downhill)
    length = problem.best_step(centre, downhill, outputs, line)
    grid = np.concatenate([np.linspace(0, 2 * length, 100), length * np.geomspace(1, 1e3, 50)])
    losses = [problem.loss(outputs + t * line) for t in grid]
    start, reached = problem.loss(outputs), problem.loss(outputs + length * line)
    # The root is known to a thousandth, and a convex function is flat at its minimum.
    assert length > 0
    assert reached <= min(losses) + 1e-5 * (start - min(losses))


@pytest.mark.parametrize(("pixels", "rate"), [(100, 3e-3), (784, 7.5e-4)])
def test_the_default_learning_rate_falls_with_the_number_of_pixels(rng: np.random.Generator, pixels: int, rate: float):
    pictures, labels = rng.random((30, pixels)), rng.integers(0, 2, 30)
    default, given = (
        tt.TensorTrainClassifier(bond_dimension=2, passes=2, learning_rate=one).fit(pictures, labels).losses_
        for one in (None, rate)
    )
    assert default == given


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_truncation_loses_least_where_both_sides_are_independent(rng: np.random.Generator, rank: int):
    rows, columns = rng.normal(size=(5, 3)), rng.normal(size=(7, 2)) * [1, 10]
    first, second = rng.random((5, 2)), rng.random((7, 2))
    i, j = np.indices((5, 7)).reshape(2, -1)  # all pairs
    logs = np.zeros(35)
    problem = sweeps.Softmax(Scaled(rows[i], logs), first[i], second[j], Scaled(columns[j], logs), np.zeros(35, int))
    centre = rng.normal(size=(24, 3))
    kept = problem.truncated(centre, rank)
    matrix = kept.reshape(6, 4, 3).reshape(6, 12)
    assert np.linalg.matrix_rank(matrix, tol=1e-9 * np.linalg.norm(matrix)) <= rank
    change = ((problem.outputs(kept) - problem.outputs(centre)) ** 2).sum()
    exact = np.linalg.svd(problem.outputs(centre).reshape(5, 21), compute_uv=False)
    # The ridge of a millionth moves the optimum a little.
    assert change == pytest.approx((exact[rank:] ** 2).sum(), rel=1e-3)


@pytest.mark.parametrize("features", FEATURES)
def test_gradients_learn_bars_at_any_place(features: str):
    pictures, labels = bars(400, 0)
    model = tt.TensorTrainClassifier(bond_dimension=6, features=features, passes=60, batch_size=50, learning_rate=0.01)
    assert model.fit(pictures, labels) is model
    assert model.losses_[-1] < 0.1 < model.losses_[0]
    unseen = bars(200, 1)
    # Bars have equal means at every pixel: no linear classifier of the pixels is much better than chance.
    assert model.score(*unseen) > 0.95
    assert LogisticRegression().fit(pictures, labels).score(*unseen) < 0.75
    assert model.train_.bonds == (6,) * 15
    assert model.label_site_ == 7


def test_sweeps_learn_bars_at_any_place():
    pictures, labels = bars(400, 0)
    model = tt.TensorTrainClassifier(bond_dimension=6, solver="sweeps", passes=4).fit(pictures, labels)
    assert model.score(*bars(200, 1)) > 0.95
    assert max(model.train_.bonds) <= 6
    assert model.label_site_ == 0
    # The other cores are isometries, so that the sweep ends in canonical form.
    for core in model.train_.cores[1:]:
        flat = core.reshape(len(core), -1)
        assert_allclose(flat @ flat.T, np.eye(len(core)), atol=1e-10)


@pytest.mark.slow
def test_digits_are_classified_as_well_as_by_logistic_regression():
    """On average over seeds, whose accuracies spread by 1 % at equal training, up to the error of 597 test digits."""
    pictures, labels = load_digits(return_X_y=True)
    scores = []
    for seed in range(8):
        model = tt.TensorTrainClassifier(bond_dimension=10, data_range=16, passes=30, batch_size=50, seed=seed)
        scores.append(model.fit(pictures[:1200], labels[:1200]).score(pictures[1200:], labels[1200:]))
    linear = LogisticRegression(max_iter=2000).fit(pictures[:1200] / 16, labels[:1200])
    share = linear.score(pictures[1200:] / 16, labels[1200:])
    assert np.mean(scores) > share - math.sqrt(share * (1 - share) / len(labels[1200:]))


def trained(**more: object) -> tt.TensorTrainClassifier:
    pictures, labels = bars(60, 0)
    options = {"bond_dimension": 3, "passes": 4, **more}
    return tt.TensorTrainClassifier(**options).fit(pictures, np.array(["row", "column"])[labels])


@pytest.mark.parametrize("solver", ["gradient", "sweeps"])
def test_a_file_holds_the_classifier(tmp_path, solver: str):
    model, pictures = trained(solver=solver), bars(20, 1)[0]
    model.save(tmp_path / "a.train")
    loaded = tt.TensorTrainClassifier.load(tmp_path / "a.train")
    assert_array_equal(loaded.predict_proba(pictures), model.predict_proba(pictures))
    assert_array_equal(loaded.predict(pictures), model.predict(pictures))
    assert loaded.get_params() == model.get_params()
    assert (loaded.losses_, loaded.n_features_in_) == (model.losses_, 16)
    with pytest.raises(ArtifactError, match=r"a.train: cannot be read as a Born machine: it holds a classifier"):
        tt.BornMachine.load(tmp_path / "a.train")
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "a.train", overwrite=False)


def test_a_born_machine_has_the_same_files(tmp_path):
    machine = tt.mixture_machine([0.3, 0.7], [[0.1, 0.8, 0.5], [0.6, 0.2, 0.9]])
    machine.save(tmp_path / "b.train")
    pictures = np.eye(3)
    loaded = tt.BornMachine.load(tmp_path / "b.train")
    assert_allclose(loaded.log_likelihood(pictures), machine.log_likelihood(pictures), atol=1e-12)
    with pytest.raises(ArtifactError, match=r"cannot be read as a classifier: it holds a Born machine"):
        tt.TensorTrainClassifier.load(tmp_path / "b.train")
    content = (tmp_path / "b.train").read_bytes()
    (tmp_path / "c.train").write_bytes(content[:-50])
    with pytest.raises(ArtifactError, match=r"c.train: cannot be read as a model that is a tensor train"):
        tt.BornMachine.load(tmp_path / "c.train")


def test_the_same_seed_gives_the_same_and_another_another():
    pictures = bars(20, 1)[0]
    first, second, other = (trained(seed=seed).predict_proba(pictures) for seed in (0, 0, 1))
    assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_interface_is_that_of_scikit_learn():
    pictures, labels = bars(120, 0)
    model = tt.TensorTrainClassifier(bond_dimension=4, passes=15, batch_size=30, learning_rate=0.01)
    copy = clone(model).set_params(seed=3)
    assert copy.get_params() == {**model.get_params(), "seed": 3}
    assert len(cross_val_score(copy, pictures, labels, cv=2)) == 2
    fitted = copy.fit(pictures, labels)
    p = fitted.predict_proba(pictures)
    assert p.shape == (120, 2)
    assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    assert_array_equal(fitted.predict(pictures), fitted.classes_[p.argmax(axis=1)])
    assert fitted.score(pictures, labels) == (fitted.predict(pictures) == labels).mean()
    assert_allclose(np.exp(fitted.predict_log_proba(pictures)), p)
    # Scores are computed in double precision, the loss in single precision before the last step.
    assert "bond_dimension=4" in repr(fitted)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(pictures), fitted.predict(pictures))


@pytest.mark.parametrize("solver", ["gradient", "sweeps"])
def test_predictions_depend_on_one_side_of_a_cut_through_its_vectors(solver: str):
    model, pictures = trained(solver=solver), bars(6, 2)[0]
    vectors = {cut: model.bond_vectors(pictures, cut=cut) for cut in range(1, 16)}
    for cut, found in vectors.items():
        assert found.shape == (6, model.train_.bonds[cut - 1])
        assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-12)
        inside = slice(0, cut) if cut <= model.label_site_ else slice(cut, 16)
        changed = np.full_like(pictures, 0.3)
        changed[:, inside] = pictures[:, inside]
        assert_allclose(model.bond_vectors(changed, cut=cut), found, atol=1e-12)
    core = model.train_.cores[-1][:, :, 0]
    expected = site_vectors(pictures[:, -1], "linear") @ core.T
    assert_allclose(vectors[15], expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-12)
    with pytest.raises(ValueError, match=r"cut must be in \[1, 15\], but cut=16"):
        model.bond_vectors(pictures, cut=16)


def test_track_wraps_the_passes():
    ticks: list[int] = []
    pictures, labels = bars(30, 0)

    def track(items):  # type: ignore[no-untyped-def]
        for item in items:
            ticks.append(item)
            yield item

    tt.TensorTrainClassifier(bond_dimension=2, passes=3).fit(pictures, labels, track=track)
    assert ticks == [0, 1, 2]


def test_the_largest_bond_that_fits_is_named():
    sizes = {"count": 100, "sites": 10, "labels": 2, "batch": 50}
    for solver in ("gradient", "sweeps"):
        limit = memory.needed(solver, 7, **sizes)
        memory.require_memory(solver, 7, limit=limit, **sizes)
        with pytest.raises(ValueError, match=r"bond_dimension must be at most 7 for 100 pictures of 10 pixels within"):
            memory.require_memory(solver, 500, limit=limit, **sizes)
    least = memory.needed("sweeps", 1, **sizes)
    with pytest.raises(ValueError, match=rf"memory_limit must be at least {least} bytes"):
        memory.require_memory("sweeps", 5, limit=least - 1, **sizes)


PICTURES = np.full((4, 3), 0.5)


@pytest.mark.parametrize(
    ("options", "pictures", "labels", "message"),
    [
        ({}, PICTURES, [0, 1, 0], "y must have shape (4,), one label for each picture, but has shape (3,)"),
        ({}, PICTURES, [1, 1, 1, 1], "y must hold at least two classes, but y=[1]"),
        ({}, PICTURES, [0.5, 1, 0, 1], "y must hold integers or strings, but y='float64'"),
        (
            {},
            16 * PICTURES,
            [0, 1, 0, 1],
            "X must be in [0, 1], the data_range (data_range=8 would do), but X=(8.0, 8.0)",
        ),
        ({}, -PICTURES, [0, 1, 0, 1], "X must be in [0, 1], the data_range, but X=(-0.5, -0.5)"),
        ({}, PICTURES * np.nan, [0, 1, 0, 1], "X must be finite, but X=(nan, nan)"),
        ({}, PICTURES[0], [0], "X must have shape (n, pixels) with n >= 1, but has shape (3,)"),
        ({"bond_dimension": 0}, PICTURES, [0, 1, 0, 1], "bond_dimension must be an integer of at least 1, but"),
        ({"bond_dimension": 10**5}, PICTURES, [0, 1, 0, 1], "bond_dimension must be at most "),
        ({"solver": "newton"}, PICTURES, [0, 1, 0, 1], "solver must be one of gradient, sweeps, but solver='newton'"),
        ({"features": "x"}, PICTURES, [0, 1, 0, 1], "features must be one of linear, trigonometric, but features='x'"),
        ({"steps": 2}, PICTURES, [0, 1, 0, 1], "steps has no effect on the solver gradient and must be left out"),
        (
            {"solver": "sweeps", "batch_size": 2},
            PICTURES,
            [0, 1, 0, 1],
            "batch_size has no effect on the solver sweeps and must be left out",
        ),
        ({"solver": "sweeps"}, PICTURES[:, :1], [0, 1, 0, 1], "X must have shape (n, pixels) with at least two pixels"),
        ({"data_range": 0}, PICTURES, [0, 1, 0, 1], "data_range must be positive, but data_range=0"),
    ],
)
def test_bad_input_is_refused(options: dict[str, object], pictures: Array, labels: list[object], message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        tt.TensorTrainClassifier(**options).fit(pictures, labels)


def test_a_learning_rate_that_diverges_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"learning_rate must keep the scores finite: 1e\+19 may do"):
        tt.TensorTrainClassifier(learning_rate=1e20, passes=5).fit(rng.random((8, 30)), np.arange(8) % 2)


def test_wrong_uses_are_refused():
    with pytest.raises(ValueError, match="must be fitted or loaded before it is used"):
        tt.TensorTrainClassifier().predict(PICTURES)
    model = trained()
    with pytest.raises(ValueError, match=r"X must have shape \(n, 16\) with n >= 1, but has shape \(4, 3\)"):
        model.predict(PICTURES)
    with pytest.raises(ValueError, match=r"y must have shape \(60,\)"):
        model.score(bars(60, 0)[0], [1])
    with pytest.raises(ValueError, match=r"parameter must be one of batch_size, bond_dimension"):
        model.set_params(bond=3)
