"""Perceptual measures of other packages."""

import numpy as np
import pytest

from qimg import codecs, images
from qimg.metrics import ssimulacra2
from qimg.metrics.perceptual import external


def test_ssimulacra2_is_that_of_its_package(tmp_path) -> None:
    package = pytest.importorskip("ssimulacra2")
    photograph = images.box_mean(images.bundled("coffee"), 2)
    shown = codecs.decode(codecs.encode(photograph, codec="peer:jpeg", quality=30), codec="peer:jpeg")
    for name, image in (("reference", photograph), ("shown", shown)):
        images.save(image, tmp_path / f"{name}.png")
    theirs = package.compute_ssimulacra2(tmp_path / "reference.png", tmp_path / "shown.png")
    assert ssimulacra2(photograph, shown) == theirs < 100
    assert ssimulacra2(photograph, photograph) == 100
    assert np.isnan(ssimulacra2(photograph[:7], shown[:7]))


def test_ssimulacra2_is_nan_without_its_package(monkeypatch) -> None:
    monkeypatch.setattr(external, "find_spec", lambda name: None)
    assert np.isnan(ssimulacra2(np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)))
