"""The state of the models at the beginning of a file: weights of the prediction, probabilities and weights of contexts.

They come from photographs (`qimg.codecs.jpeg_recompression.fitting`), since most JPEG files are too small to adapt
models that begin without any observation. Probabilities are stored as logits of 8 bits with their occurrences, packed
by LZMA.
"""

import lzma
from typing import ClassVar

import numpy as np

from qimg.codecs.jpeg_recompression.model import (
    CONTEXTS,
    GROUPS,
    KINDS,
    LIMIT,
    NODES,
    SETS,
    SLOTS,
    Model,
    copied,
    new_model,
)
from qimg.codecs.jpeg_recompression.prediction import AVAILABLE, FEATURES
from qimg.core import Array, require
from qimg.core.artifacts import Artifact, Kind, shipped
from qimg.core.cached import cached_property
from qimg.entropy.logistic_mixing import LOGIT, logistic_tables

_SLOTS = (KINDS, CONTEXTS, SLOTS, NODES)
_WEIGHTS = (KINDS, SETS, GROUPS * NODES * 64, CONTEXTS)
_FEW = 3
"""Occurrences from which a probability is stored."""
_STEP = 20
"""Units of 1/256 nat of a stored logit."""


class InitialModels(Artifact):
    """The state of the models at the beginning of a file."""

    KIND: ClassVar[Kind] = Kind(
        tag="recompression", ending=".recompression", package="qimg.codecs.jpeg_recompression"
    )  # fmt: skip

    @classmethod
    def of(cls, models: list[Model], provenance: dict[str, object], *, most: int) -> "InitialModels":
        """The statistics of models that have coded pictures.

        Args:
            models: of each kind of component.
            provenance: of the pictures.
            most: occurrences that a probability is stored with at most; more adapt more slowly.
        """
        slots = np.stack([model.slots for model in models])
        counts = np.minimum(slots & LIMIT, most).astype(np.int8)
        counts[counts < _FEW] = 0
        stretch, _ = logistic_tables()
        logits = np.rint(stretch[slots >> 16] / _STEP).clip(-127, 127).astype(np.int8)
        logits[counts == 0] = 0
        weights = np.stack([model.mixture.weights for model in models])
        arrays = {
            "means": np.stack([model.prediction.mean for model in models]),
            "magnitudes": np.stack([model.prediction.magnitude for model in models]),
            "counts": _packed(counts),
            "logits": _packed(logits),
            "weights": _packed((weights >> 8).clip(-32768, 32767).astype("<i2")),
        }
        return cls.packed({"provenance": provenance}, arrays)

    def check(self) -> None:
        """Raise an error unless the arrays are those of statistics."""
        shape = (KINDS, AVAILABLE, FEATURES, 64)
        self.require_arrays({"means": (shape, "<i4"), "magnitudes": (shape, "<i4")})

    def check_values(self) -> None:
        """Raise an error unless the packed arrays have their sizes."""
        _ = self._state

    def models(self) -> list[Model]:
        """New models in this state, which is unpacked once."""
        return [copied(model) for model in self._state]

    @cached_property
    def _state(self) -> list[Model]:
        counts, logits = (self._unpacked(name, _SLOTS, "i1") for name in ("counts", "logits"))
        weights = self._unpacked("weights", _WEIGHTS, "<i2").astype(np.int32) << 8
        require(counts.min() >= 0 and counts.max() <= LIMIT, "counts", f"must be in [0, {LIMIT}]", counts.max())
        _, squash = logistic_tables()
        by_logit = squash[np.clip(_STEP * np.arange(-128, 128), -LOGIT, LOGIT) + LOGIT].astype(np.uint32) << 16
        slots = by_logit[logits.astype(np.int16) + 128] | counts.astype(np.uint32)
        means, magnitudes = self.array("means"), self.array("magnitudes")
        models = [new_model(mean, magnitude) for mean, magnitude in zip(means, magnitudes, strict=True)]
        for model, some, rows in zip(models, slots, weights, strict=True):
            model.slots[:] = some
            model.mixture.weights[:] = rows
        return models

    def _unpacked(self, name: str, shape: tuple[int, ...], dtype: str) -> Array:
        content = lzma.decompress(self.array(name).tobytes())
        array = np.frombuffer(content, dtype)
        require(array.size == np.prod(shape), name, f"must have {np.prod(shape)} numbers", array.size)
        return array.reshape(shape)


def _packed(array: Array) -> Array:
    """The bytes of an array, compressed."""
    return np.frombuffer(lzma.compress(array.tobytes(), preset=9), np.int8)


def models() -> list[Model]:
    """New models for each kind of component, in the state that is shipped with qimg."""
    return shipped(InitialModels, "default").models()
