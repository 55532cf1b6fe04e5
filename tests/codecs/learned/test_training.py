"""The training of the learned codec: it learns, resumes to the same model, and refuses evaluation pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from qimg.codecs.learned import decoder, encoder
from qimg.codecs.learned.training.network import quantized
from qimg.codecs.learned.training.pool import Pool, block_basis
from qimg.codecs.learned.training.recipe import TRAINING, PhotographRecipe
from qimg.codecs.protocol import DecodeOptions, EncodeOptions
from qimg.codecs.training import train
from qimg.images import bundled

SMALL = replace(
    TRAINING.recipe,
    crop=9,
    batch=1,
    steps=30,
    warmup=2,
    averaging=0.5,
    bands=(1, 3, 6),
    hidden=(8,),
    width=4,
    blocks=1,
    rates=(200, 600),
)


def task(recipe=SMALL):
    return TRAINING.task([bundled("coffee")[:200, :200]], recipe, held_out=[bundled("astronaut")[:64, :64]])


def test_training_lowers_the_loss_and_makes_a_model():
    records = []
    model = train(task(), threads=1, every=10, report=records.append)
    assert records[-1].loss < 0.9 * records[0].loss
    assert {"bits per pixel at 256", "PSNR at 512"} <= set(records[-1].held_out)
    image = np.ascontiguousarray(bundled("coffee")[:32, :32])
    data = encoder.encode(image, EncodeOptions(tables=model, quality=70)).data
    assert decoder.decode(data, DecodeOptions(tables=model)).image.shape == image.shape
    assert model.provenance["inputs"] == ["array 1"]


def test_an_interrupted_training_resumes_to_the_same_model(tmp_path):
    whole = train(task(), threads=1, every=10)
    state = tmp_path / "state"

    def stop(record):
        if record.step == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task(), threads=1, every=10, checkpoint=state, report=stop)
    assert train(task(), threads=1, every=10, checkpoint=state).identity == whole.identity


def test_the_basis_is_orthonormal_and_ordered():
    basis = block_basis([bundled("coffee")], 12)
    flat = basis.functions.reshape(12, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(12), atol=1e-9)
    assert (np.diff(basis.deviations) <= 0).all()


def test_crops_are_parts_of_the_photographs():
    photographs = [bundled("coffee")[:50, :43], bundled("astronaut")[:24, :80]]
    pool = Pool.of(photographs)
    crops = pool.crops(torch.tensor([[0, 2, 1], [1, 1, 7]]), 2)
    for crop, expected in zip(crops, (photographs[0][16:32, 8:24], photographs[1][8:24, 56:72]), strict=True):
        np.testing.assert_array_equal(crop.permute(1, 2, 0).numpy() + 128, expected)


def test_quantized_rounds_towards_zero_by_the_threshold():
    y = torch.tensor([0.55, 0.65, -0.55, -1.7, 0.0], requires_grad=True)
    codes = quantized(y, 0.1)
    assert codes.tolist() == [0, 1, 0, -2, 0]
    codes.sum().backward()
    assert y.grad.tolist() == [1] * 5


@pytest.mark.parametrize("change", [{"slope": 0.0}, {"rates": (10, 5)}, {"bands": (2, 3)}, {"threshold": 2.0}])
def test_recipes_out_of_range(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        _ = replace(PhotographRecipe(), **change).design
