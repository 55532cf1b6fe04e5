"""Trained models that are tensor trains, as files of fitted data (`docs/formats/artifacts.md`)."""

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from qimg.core import Array, require
from qimg.core.artifacts import Artifact, ArtifactError, Kind, explained
from qimg.core.fitting import versions
from qimg.tensor_train.train import TensorTrain

M = TypeVar("M")

MODELS = {"born machine": "a Born machine", "classifier": "a classifier"}
"""Names of the models in error messages, by the header entry `model`."""


class TrainFile(Artifact):
    """The cores of a model, and a record of what else defines it."""

    KIND: ClassVar = Kind(tag="train", ending=".train")

    @classmethod
    def of(cls, train: TensorTrain, *, model: str, record: Mapping[str, Any]) -> "TrainFile":
        """The file of a model; `record` holds JSON values."""
        header = {"model": model, "record": dict(record), "sites": len(train.cores)}
        header["provenance"] = {"recipe": dict(record), "versions": versions(["qimg", "numpy"])}
        return cls.packed(header, {f"core {k}": np.asarray(core) for k, core in enumerate(train.cores)})

    def check(self) -> None:
        """Raise an error unless the cores are those of a real train."""
        header = self.contents.header
        require(header["model"] in MODELS, "model", f"must be one of {', '.join(MODELS)}", header["model"])
        require(isinstance(header["record"], dict), "record", "must be a record", header["record"])
        for k in range(header["sites"]):
            self.require_arrays({f"core {k}": (self.contents.arrays[f"core {k}"].shape, "<f8")})

    def check_values(self) -> None:
        """Raise an error unless the cores are finite and fit together."""
        _ = self.train

    @property
    def train(self) -> TensorTrain:
        """The train."""
        cores: list[Array] = [self.array(f"core {k}") for k in range(self.contents.header["sites"])]
        return TensorTrain(cores)

    @classmethod
    def read(cls, path: str | os.PathLike[str], model: str, build: Callable[[TensorTrain, dict[str, Any]], M]) -> M:
        """The model in a file.

        Args:
            path: of the file.
            model: one of `MODELS`.
            build: makes the model from its train and its record; raises an error of any type where they do not fit.

        Raises:
            ArtifactError: the file is missing or altered, or holds anything else.
        """
        file = cls.load(path)
        header = file.contents.header
        try:
            if header["model"] != model:
                raise ArtifactError(f"it holds {MODELS[header['model']]}")
            with explained("its record does not fit its cores"):
                return build(file.train, dict(header["record"]))
        except ArtifactError as error:
            raise ArtifactError(f"{os.fspath(path)}: cannot be read as {MODELS[model]}: {error}") from None
