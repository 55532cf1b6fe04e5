"""The models of the experiment on classifiers: each is trained on labelled pictures and predicts those of the test."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import circuits
from experiments._run import Array
from experiments.tensor_trains.labelled_pictures import Labelled, along_a_snake, low_depth_states
from experiments.tensor_trains.small_network import network_predictions
from qimg.tensor_train import TensorTrainClassifier

PRINTED = 1000
"""Training pictures whose labels are predicted."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the models need besides the pictures."""

    bond: int
    seen: int
    sweeps: int
    shots: int
    layers: int
    iterations: int
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """Predicted labels, and what they cost."""

    train: Array
    """Of the first `PRINTED` training pictures."""
    test: Array
    parameters: int
    fit_seconds: float
    predict_seconds: float


def _most_frequent(data: Labelled, settings: Settings) -> Outcome:
    classes, counts = np.unique(data.train_labels, return_counts=True)
    guess = classes[counts.argmax()]
    train, test = (np.full(len(labels), guess) for labels in (data.train_labels[:PRINTED], data.test_labels))
    return Outcome(train=train, test=test, parameters=0, fit_seconds=0.0, predict_seconds=0.0)


def _logistic(data: Labelled, settings: Settings) -> Outcome:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # later iterations change the errors by less than 0.1 %
        return _of_pixels(model, data, lambda: model.coef_.size + model.intercept_.size)


def _rbf(data: Labelled, settings: Settings) -> Outcome:
    from sklearn.svm import SVC

    model = SVC(C=10.0, gamma="scale")
    return _of_pixels(model, data, lambda: model.support_vectors_.size + model.dual_coef_.size)


def _of_pixels(model: Any, data: Labelled, parameters: Callable[[], int]) -> Outcome:
    """A model of scikit-learn on pixels along a snake."""
    train, test = (along_a_snake(pictures) for pictures in (data.train, data.test))
    start = time.process_time()
    model.fit(train, data.train_labels)
    fitted = time.process_time()
    predicted = model.predict(test)
    done = time.process_time()
    return Outcome(
        train=model.predict(train[:PRINTED]),
        test=predicted,
        parameters=parameters(),
        fit_seconds=fitted - start,
        predict_seconds=done - fitted,
    )


def _tensor_train(data: Labelled, settings: Settings) -> Outcome:
    model = TensorTrainClassifier(
        bond_dimension=settings.bond, passes=max(1, round(settings.seen / len(data.train))), seed=settings.seed
    )
    return _of_pixels(model, data, lambda: model.train_.parameters)


def _swept_train(data: Labelled, settings: Settings) -> Outcome:
    model = TensorTrainClassifier(
        bond_dimension=settings.bond, solver="sweeps", passes=settings.sweeps, seed=settings.seed
    )
    return _of_pixels(model, data, lambda: model.train_.parameters)


def _network(data: Labelled, settings: Settings) -> Outcome:
    classes, targets = np.unique(data.train_labels, return_inverse=True)
    start = time.process_time()
    (train, test), weights = network_predictions(
        data.train,
        targets,
        (data.train[:PRINTED], data.test),
        classes=len(classes),
        seen=settings.seen,
        seed=settings.seed,
    )
    seconds = time.process_time() - start  # predictions, which take a few seconds at most, included
    return Outcome(
        train=classes[train], test=classes[test], parameters=weights, fit_seconds=seconds, predict_seconds=np.nan
    )


def _kernel(shots: bool) -> Callable[[Labelled, Settings], Outcome]:
    def model(data: Labelled, settings: Settings) -> Outcome:
        from sklearn.svm import SVC

        train, test = (along_a_snake(pictures).astype(float) for pictures in (data.train, data.test))
        count = settings.shots if shots else None
        start = time.process_time()
        gram = circuits.fidelity_kernel(train, shots=count, seed=settings.seed)
        machine = SVC(kernel="precomputed", C=10.0).fit(gram, data.train_labels)
        fitted = time.process_time()
        predicted = machine.predict(circuits.fidelity_kernel(test, train, shots=count, seed=settings.seed))
        done = time.process_time()
        return Outcome(
            train=machine.predict(gram[:PRINTED]),
            test=predicted,
            parameters=machine.dual_coef_.size,
            fit_seconds=fitted - start,
            predict_seconds=done - fitted,
        )

    return model


def _variational(data: Labelled, settings: Settings) -> Outcome:
    start = time.process_time()
    train = low_depth_states(data.train, bond=2)
    model = circuits.fit_variational(
        train, data.train_labels, layers=settings.layers, iterations=settings.iterations, seed=settings.seed
    )
    fitted = time.process_time()
    predicted = model.predict(low_depth_states(data.test, bond=2))
    done = time.process_time()
    return Outcome(
        train=model.predict(train[:PRINTED]),
        test=predicted,
        parameters=model.angles.size,
        fit_seconds=fitted - start,
        predict_seconds=done - fitted,
    )


FREQUENT, LOGISTIC, RBF = "most frequent class", "logistic regression", "RBF-SVC"
TRAIN, SHIFTED_TRAIN, SWEPT_TRAIN = "tensor train", "tensor train, shifted copies", "tensor train, sweeps"
NETWORK, SHIFTED_NETWORK = "small CNN", "small CNN, shifted copies"
KERNEL, SHOTS_KERNEL, VARIATIONAL = "fidelity-kernel SVC", "fidelity-kernel SVC, shots", "variational circuit"

MODELS: Mapping[str, Callable[[Labelled, Settings], Outcome]] = {
    FREQUENT: _most_frequent,
    LOGISTIC: _logistic,
    RBF: _rbf,
    NETWORK: _network,
    TRAIN: _tensor_train,
    SWEPT_TRAIN: _swept_train,
    SHIFTED_NETWORK: _network,
    SHIFTED_TRAIN: _tensor_train,
    KERNEL: _kernel(False),
    SHOTS_KERNEL: _kernel(True),
    VARIATIONAL: _variational,
}
"""The models by name, in the order of the tables."""

SHIFTED = (SHIFTED_TRAIN, SHIFTED_NETWORK)
"""Models that learn from five copies of each picture, shifted by a pixel."""

SEEDED = (TRAIN, SHIFTED_TRAIN, SWEPT_TRAIN, NETWORK, SHIFTED_NETWORK, SHOTS_KERNEL, VARIATIONAL)
"""Models that depend on a seed."""
