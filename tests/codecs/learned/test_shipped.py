"""The shipped model: its size and cost, what it reaches, and pixels that do not depend on threads."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import qimg
from qimg import metrics
from qimg.codecs.learned.model import default
from qimg.images import bundled

PICTURE = bundled("astronaut")[:256, 128:384]


@pytest.fixture(scope="module")
def model():
    return default()


def test_size_cost_and_provenance(model):
    model.check_values()
    assert len(model.to_bytes()) <= 4 << 20
    costs = model.multiply_accumulates()
    assert set(costs) == {"contexts", "transform", "restoration"}
    assert sum(costs.values()) <= 30_000
    assert len(model.provenance["inputs"]) > 200
    assert {"recipe", "versions", "log"} <= set(model.provenance)


def test_smaller_than_jpeg_at_equal_psnr():
    """One picture stands for the experiment: at least a quarter of JPEG's bytes are saved, headers included."""
    curves = {}
    for codec, qualities in (("peer:jpeg", (20, 35, 50, 65, 80)), ("learned", (25, 40, 55, 70))):
        files = [qimg.codecs.encode_picture(PICTURE, codec=codec, quality=quality) for quality in qualities]
        decibels = [metrics.psnr_db(PICTURE, qimg.decode(one.data, codec=codec)) for one in files]
        curves[codec] = [one.bits_per_pixel for one in files], decibels
    assert metrics.bd_rate(*curves["peer:jpeg"], *curves["learned"], quality_range=(31, 34)) < -25


@pytest.mark.parametrize("threads", ["1", "2"])
def test_pixels_do_not_depend_on_threads(threads, tmp_path):
    data = qimg.encode(PICTURE[:120, :150], codec="learned", quality=45)
    file = tmp_path / "a.qimg"
    file.write_bytes(data)
    program = (
        "import sys, hashlib, pathlib, qimg;"
        "print(hashlib.sha256(qimg.decode(pathlib.Path(sys.argv[1]).read_bytes()).tobytes()).hexdigest())"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", program, file], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == hashlib.sha256(qimg.decode(data).tobytes()).hexdigest()


def test_gray_pictures():
    gray = np.ascontiguousarray(PICTURE[..., 1])
    data = qimg.encode(gray, codec="learned", quality=50)
    assert metrics.psnr_db(gray, qimg.decode(data)) > 30
    assert len(data) < gray.size / 4
