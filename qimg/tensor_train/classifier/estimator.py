"""The tensor-train classifier, with the interface of scikit-learn's classifiers."""

import inspect
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, Track, integer, one_of, plain, require, require_shape
from qimg.tensor_train.canonical import reverse
from qimg.tensor_train.classifier.features import FEATURES, LEVELS, pixel_columns, site_vectors
from qimg.tensor_train.classifier.gradient import train_by_gradient
from qimg.tensor_train.classifier.memory import LIMIT, require_memory
from qimg.tensor_train.classifier.scores import carried, class_scores, log_softmax
from qimg.tensor_train.classifier.sweeps import train_by_sweeps
from qimg.tensor_train.files import TrainFile
from qimg.tensor_train.train import TensorTrain

MODEL = "classifier"
"""Name of the model in files."""

SOLVERS = ("gradient", "sweeps")

BATCH, LEARNING_RATE, STEPS = 250, 3e-3, 2
"""Defaults of `batch_size` and `learning_rate` of the solver "gradient", and of `steps` of the solver "sweeps"."""

SITES = 196
"""Pixels up to which the default learning rate is `LEARNING_RATE`; a step changes the logarithm of a score in
proportion to rate and pixels, so that it is smaller for more pixels."""


class TensorTrainClassifier:
    """Classes of pictures by a tensor train: scores f_c(x), and probabilities that are their softmax.

    The score of class c is a train with one index for the label, multiplied by one vector φ(t) for each pixel t:

        f_c(x) = A₁[φ(x₁)] ⋯ Aₖ[φ(xₖ), c] ⋯ Aₙ[φ(xₙ)],   A[φ] = Σ_i φ_i A[i],   p(c | x) = e^{f_c} / Σ e^{f},

    with φ = (1, t), or (cos πt/2, sin πt/2). It is linear in the 2ⁿ products of components (Stoudenmire and Schwab,
    2016; Novikov and others, 2016), with sites · 2 · bond² numbers. The mean cross-entropy is minimised by

    - "gradient": Adam on all cores at once, by minibatches in single precision. Cost of an epoch: about
      24 · n · sites · bond² operations. The label stays at the middle site.
    - "sweeps": sweeps over centres of two sites, as in DMRG, with conjugate gradients on all samples and truncation to
      the bond dimension. Cost of a sweep: about 32 · n · sites · bond² · labels · (steps + 1) operations, and memory
      for 8 · n · sites · bond bytes. For some thousand pictures.

    Neither finds the best train in general: both descend from cores near the identity, and the result depends on the
    seed. Arguments are checked by `fit`. Attributes after `fit`: `classes_` (sorted labels), `n_features_in_`
    (pixels), `train_` (the `TensorTrain`), `label_site_` (the site whose index is 2 digits of a pixel times the label),
    `losses_` (mean cross-entropy of each epoch or sweep, in nats).

    Args:
        bond_dimension: largest bond.
        features: "linear" (1, t) or "trigonometric" (cos πt/2, sin πt/2).
        data_range: value of white; pixels are divided by it and must be in [0, data_range].
        solver: "gradient" or "sweeps".
        passes: epochs or sweeps.
        batch_size: pictures of a gradient step, 250 by default; only with the solver "gradient".
        learning_rate: of the first gradient step, falling to 0 along half a cosine; by default 0.003 up to 196 pixels,
            and in proportion to 1/pixels beyond; only with the solver "gradient".
        steps: conjugate gradient steps at each centre, 2 by default; only with the solver "sweeps".
        memory_limit: largest memory of a training, in bytes.
        seed: of the initial cores and of the batches.

    >>> bars = np.array([[1, 0, 0, 1], [1, 0, 0, 0.9], [0, 1, 1, 0], [0.1, 1, 0.9, 0]])
    >>> model = TensorTrainClassifier(bond_dimension=2, passes=100, learning_rate=0.03).fit(bars, ["a", "a", "b", "b"])
    >>> model.predict([[0.9, 0.1, 0, 1]]).tolist()
    ['a']
    """

    _estimator_type: ClassVar[str] = "classifier"

    def __init__(
        self,
        *,
        bond_dimension: int = 16,
        features: str = "linear",
        data_range: float = 1.0,
        solver: str = "gradient",
        passes: int = 10,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        steps: int | None = None,
        memory_limit: int = LIMIT,
        seed: int = 0,
    ) -> None:
        """Store the parameters; `fit` checks them."""
        self.bond_dimension = bond_dimension
        self.features = features
        self.data_range = data_range
        self.solver = solver
        self.passes = passes
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.steps = steps
        self.memory_limit = memory_limit
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike, *, track: Track = iter) -> "TensorTrainClassifier":
        """Train on pictures and their labels, from new cores; returns the classifier.

        Args:
            X: (n, pixels) in [0, data_range], in the order of the sites.
            y: (n,) labels, integers or strings, of at least two classes.
            track: wraps the epochs or sweeps to report progress.

        Raises:
            ValueError: labels that do not fit the pictures, a bond dimension beyond the memory limit, an option without
                effect, or a learning rate at which scores become infinite.
        """
        self._check()
        columns = pixel_columns("X", X, data_range=self.data_range, pixels=None, dtype=np.float32)
        sites, count = columns.shape
        classes, targets = _labels(y, count)
        batch = BATCH if self.batch_size is None else self.batch_size
        sizes = {"count": count, "sites": sites, "labels": len(classes), "batch": min(batch, count)}
        require_memory(self.solver, self.bond_dimension, limit=self.memory_limit, **sizes)
        common: dict[str, Any] = {
            "bond": self.bond_dimension,
            "labels": len(classes),
            "features": self.features,
            "rng": np.random.default_rng(self.seed),
            "track": track,
        }
        if self.solver == "gradient":
            rate = LEARNING_RATE * min(1, SITES / sites) if self.learning_rate is None else self.learning_rate
            fitted = train_by_gradient(columns, targets, epochs=self.passes, batch=batch, learning_rate=rate, **common)
        else:
            require_shape(sites >= 2, "X", "(n, pixels) with at least two pixels for the solver sweeps", columns.T)
            steps = STEPS if self.steps is None else self.steps
            fitted = train_by_sweeps(columns, targets, sweeps=self.passes, steps=steps, **common)
        self.train_, self.label_site_, self.losses_ = fitted
        self.classes_, self.n_features_in_ = classes, sites
        return self

    def decision_function(self, X: ArrayLike) -> Array:
        """Scores f_c (n, classes) of pictures (n, pixels), in double precision. Cost: O(n · sites · bond²)."""
        self._require_fitted()
        columns = pixel_columns("X", X, data_range=self.data_range, pixels=self.n_features_in_, dtype=np.float64)
        return class_scores(self.train_, self.label_site_, columns, self.features)

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Natural logarithms of `predict_proba`."""
        return log_softmax(self.decision_function(X))

    def predict_proba(self, X: ArrayLike) -> Array:
        """Probabilities (n, classes) of the labels `classes_`: the softmax of the scores."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: ArrayLike) -> Array:
        """The most probable label (n,) of each picture."""
        scores = self.decision_function(X)
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    def bond_vectors(self, X: ArrayLike, *, cut: int) -> Array:
        """What the train transmits through a cut: unit vectors (n, bond), up to a change of basis of the bond.

        They are the products of the cores on the side of the cut without the label; the prediction depends on the
        pixels of that side through them alone, apart from their norm.

        Args:
            X: (n, pixels), of which only the pixels on that side matter.
            cut: number of sites before the cut, in [1, pixels − 1]; the side is that before it up to the label's site.
        """
        self._require_fitted()
        columns = pixel_columns("X", X, data_range=self.data_range, pixels=self.n_features_in_, dtype=np.float64)
        integer("cut", cut, 1, self.n_features_in_ - 1)
        vectors, train = site_vectors(columns, self.features), self.train_
        if cut <= self.label_site_:
            return carried(train.cores[:cut], vectors[:cut]).vectors
        return carried(reverse(train).cores[: len(columns) - cut], vectors[: cut - 1 : -1]).vectors

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Share of pictures (n, pixels) whose predicted label is that of y (n,)."""
        predicted = self.predict(X)
        truth = plain("y", y)
        require_shape(truth.shape == predicted.shape, "y", f"({len(predicted)},)", truth)
        return float((predicted == truth).mean())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name; `deep` has no effect."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **parameters: Any) -> "TensorTrainClassifier":
        """Set parameters by name; returns the classifier.

        Raises:
            ValueError: a parameter of another name.
        """
        for name in parameters:
            one_of("parameter", name, _PARAMETERS)
        for name, value in parameters.items():
            setattr(self, name, value)
        return self

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write the trained classifier to a file (`docs/formats/artifacts.md`), atomically."""
        self._require_fitted()
        record = {
            "parameters": {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in self.get_params().items()
            },
            "classes": self.classes_.tolist(),
            "label_site": self.label_site_,
            "losses": self.losses_,
        }
        TrainFile.of(self.train_, model=MODEL, record=record).save(path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "TensorTrainClassifier":
        """Read a file of `save`; the scores are the same on every machine up to rounding.

        Raises:
            ArtifactError: the file is missing or altered, or holds anything else.
        """
        return TrainFile.read(path, MODEL, cls._from_record)

    @classmethod
    def _from_record(cls, train: TensorTrain, record: Mapping[str, Any]) -> "TensorTrainClassifier":
        model = cls(**record["parameters"])
        model._check()
        model.classes_ = np.array(record["classes"])
        sites = len(train.cores)
        model.label_site_ = integer("label_site", record["label_site"], 0, sites - 1)
        dims = [LEVELS] * sites
        dims[model.label_site_] *= len(model.classes_)
        require(list(train.dims) == dims, "dims", f"must be {dims}", list(train.dims))
        model.train_, model.n_features_in_ = train, sites
        model.losses_ = [float(loss) for loss in record["losses"]]
        return model

    def _check(self) -> None:
        """Raise `ValueError` for the first parameter that is not allowed."""
        integer("bond_dimension", self.bond_dimension, 1)
        one_of("features", self.features, FEATURES)
        require(bool(0 < self.data_range < np.inf), "data_range", "must be positive", self.data_range)
        one_of("solver", self.solver, SOLVERS)
        integer("passes", self.passes, 1)
        integer("memory_limit", self.memory_limit, 1)
        integer("seed", self.seed, 0)
        without = ("steps",) if self.solver == "gradient" else ("batch_size", "learning_rate")
        for name in without:
            value = getattr(self, name)
            require(value is None, name, f"has no effect on the solver {self.solver} and must be left out", value)
        for name in ("batch_size", "steps"):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name), 1)
        if self.learning_rate is not None:
            require(bool(0 < self.learning_rate < np.inf), "learning_rate", "must be positive", self.learning_rate)

    def _require_fitted(self) -> None:
        if not hasattr(self, "train_"):
            raise ValueError("the classifier must be fitted or loaded before it is used")

    def __repr__(self) -> str:
        """The parameters that are not the defaults, and the train after `fit`."""
        changed = [f"{name}={value!r}" for name, value in self.get_params().items() if value != _PARAMETERS[name]]
        fitted = f" with {self.train_}" if hasattr(self, "train_") else ""
        return f"TensorTrainClassifier({', '.join(changed)}){fitted}"

    def __sklearn_tags__(self) -> Any:
        """The tags by which scikit-learn's tools, such as `cross_val_score`, recognise a classifier."""
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` has been called, for scikit-learn."""
        return hasattr(self, "train_")


_PARAMETERS = {
    name: parameter.default for name, parameter in inspect.signature(TensorTrainClassifier).parameters.items()
}
"""Names of the parameters, and their defaults."""


def _labels(y: ArrayLike, count: int) -> tuple[Array, Array]:
    """The classes, sorted, and the number of the class of each of `count` samples."""
    labels = plain("y", y)
    if labels.dtype == object and all(isinstance(label, str) for label in labels.ravel()):
        labels = labels.astype(str)
    require_shape(labels.shape == (count,), "y", f"({count},), one label for each picture", labels)
    whole = labels.dtype.kind in "biuU" or (labels.dtype.kind == "f" and bool((labels == np.round(labels)).all()))
    require(whole, "y", "must hold integers or strings", labels.dtype.name)
    classes, targets = np.unique(labels, return_inverse=True)
    require(len(classes) >= 2, "y", "must hold at least two classes", classes.tolist())
    return classes, targets
