"""Trainings of learned codecs by name; each is imported on first use. A new one is one new file and one line here."""

from collections.abc import Iterable
from pkgutil import resolve_name
from typing import Any, Protocol, runtime_checkable

from qimg.codecs.training import CodecRecipe, Task
from qimg.core import import_names, one_of

RECIPES: dict[str, str] = {
    "mnist-autoencoder": "qimg.codecs.digits.training:AUTOENCODER",
    "mnist-contours": "qimg.codecs.digits.training:CONTOURS",
    "mnist-klt": "qimg.codecs.digits.training:KLT",
    "mnist-raster-2": "qimg.codecs.digits.training:RASTER2",
    "mnist-raster-4": "qimg.codecs.digits.training:RASTER4",
    "mnist-raster-8": "qimg.codecs.digits.training:RASTER8",
    "mnist-raster-256": "qimg.codecs.digits.training:RASTER256",
    "photographs": "qimg.codecs.learned.training.recipe:TRAINING",
}
"""Name → `package.module:OBJECT` of a `Training`."""


@runtime_checkable
class Training(Protocol):
    """How a codec is trained."""

    @property
    def recipe(self) -> CodecRecipe:
        """The parameters that the shipped model was trained with."""

    def task(
        self, sources: Iterable[Any], recipe: CodecRecipe, *, held_out: Iterable[Any], root: Any = None
    ) -> Task[Any, Any, Any]:
        """The task for `qimg.codecs.training.train`.

        Args:
            sources: pictures to learn from: files, folders, patterns, lists or arrays.
            recipe: parameters of the training, of the type of `self.recipe`.
            held_out: pictures for the figures of the log.
            root: folder for relative names that do not exist in the current folder.

        Raises:
            ImageError: no picture can be used.
            ValueError: sources hold evaluation pictures.
        """


def training(name: str) -> Training:
    """The training with a name; `module:object` imports one of yours.

    Raises:
        ValueError: the name is unknown, or the object is no training.
    """
    if import_names.is_import_name(name):
        found = import_names.imported_object(name)
    else:
        found = resolve_name(RECIPES[one_of("recipe", name, RECIPES)])
    if not isinstance(found, Training):
        raise ValueError(f"recipe={name!r} must have a recipe and a task, but is {type(found).__name__}")
    return found
