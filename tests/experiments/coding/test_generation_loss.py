"""Encoding again and again: rows follow what a loop by hand gives, and fixed points are fixed."""

import dataclasses
import functools
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

import qimg
from experiments.coding import generation_loss
from experiments.coding.compared_codecs import chosen, curve_of, decoded, encoded
from experiments.coding.generation_loss import TINY, Row, loss_db, setting_near, settled
from qimg import images, metrics

pytestmark = pytest.mark.slow

THEIRS = dataclasses.replace(TINY, codecs=("peer:jpeg", "peer:webp"))


@functools.cache
def rows() -> list[Row]:
    """TINY, run once for all tests of this file."""
    return generation_loss.run(TINY)


def of(codec: str, image: str, *, cropped: bool) -> list[Row]:
    return [row for row in rows() if (row.codec, row.image, row.cropped) == (codec, image, cropped)]


def test_the_experiment_asks_a_question_and_says_how_it_answers() -> None:
    question, method = (" ".join(part.split()) for part in generation_loss.__doc__.split("\n\n"))
    assert question.endswith("?")
    assert method.endswith(".")


def test_every_picture_goes_through_every_round() -> None:
    assert {row.image for row in rows()} == set(images.BUNDLED)
    assert len(rows()) == len(images.BUNDLED) * 3 * 2 * TINY.rounds
    for record in (TINY, *rows()):
        assert record.__dataclass_params__.frozen
        assert all(isinstance(value, str | int | float | tuple) for value in dataclasses.asdict(record).values())


@pytest.mark.parametrize("cropped", [False, True])
def test_rows_are_those_of_a_loop_by_hand(cropped: bool) -> None:
    picture = images.box_mean(images.bundled("coffee"), TINY.box_mean)
    (codec,) = chosen(["peer:jpeg"])
    given = picture
    for k, row in enumerate(of("JPEG", "coffee", cropped=cropped)):
        offset = k if cropped else 0
        if cropped and k:
            given = np.ascontiguousarray(given[1:, 1:])
        data = encoded(codec, given, row.setting)
        shown = decoded(codec, data)
        assert row.round == k + 1
        assert row.bytes == len(data)
        assert row.bits_per_pixel == 8 * len(data) / (given.shape[0] * given.shape[1])
        assert row.psnr_rgb_db == metrics.psnr_db(picture[offset:, offset:], shown)
        assert row.same_picture == (k > 0 and np.array_equal(given, shown))
        given = shown


def test_the_first_round_does_not_depend_on_cropping() -> None:
    for name in images.BUNDLED:
        for codec in {row.codec for row in rows()}:
            (first, *_), (other, *_) = (of(codec, name, cropped=cropped) for cropped in (False, True))
            assert dataclasses.replace(first, cropped=True) == other
            assert (first.same_picture, first.same_file) == (False, False)


def test_a_picture_that_did_not_change_never_changes_again() -> None:
    params = dataclasses.replace(THEIRS, codecs=("peer:jpeg",), rounds=8)
    found = generation_loss.run(params)
    for before, after in pairwise(found):
        if before.same_picture and not before.cropped and after.round > 1:
            assert after.same_picture
            assert after.same_file
            assert after.psnr_rgb_db == before.psnr_rgb_db
    still = settled(found, "JPEG", cropped=False)
    # Rounding and clipping between colour spaces come to rest within a few rounds on some of the pictures at least.
    assert len(still) > 0
    assert all(2 <= first <= 8 for first in still)
    assert f"JPEG leaves {len(still)} of 4 pictures unchanged from round {max(still)} on." in generation_loss.findings(
        found
    )


@pytest.mark.parametrize("size", [600, 2000, 5000, 10**6])
def test_the_setting_is_the_nearest_of_all(size: int) -> None:
    picture = images.box_mean(images.bundled("coffee"), 4)
    (codec,) = chosen(["peer:jpeg"])
    every = range(int(curve_of(codec).settings[0]), int(curve_of(codec).settings[-1]) + 1)
    best = min(abs(len(encoded(codec, picture, quality)) - size) for quality in every)
    assert abs(len(encoded(codec, picture, setting_near(codec, picture, size))) - size) == best


def test_a_scale_that_falls_is_searched_as_well() -> None:
    picture = images.box_mean(images.bundled("coffee"), 4)
    (codec,) = chosen(["peer:jpeg2000"])
    setting = setting_near(codec, picture, 3000)
    assert len(encoded(codec, picture, setting)) == pytest.approx(3000, rel=0.05)
    assert setting != round(setting)


def test_files_come_close_to_the_bits_asked_for() -> None:
    for row in rows():
        if row.round == 1 and row.codec == "JPEG":
            # Neighbouring qualities of JPEG differ by a few percent; files this small are mostly tables.
            assert row.bits_per_pixel == pytest.approx(TINY.bits_per_pixel, rel=0.1) or row.setting == 5


def test_our_codec_takes_part() -> None:
    first = of("qimg", "coffee", cropped=False)[0]
    picture = images.box_mean(images.bundled("coffee"), TINY.box_mean)
    data = qimg.encode(picture, quality=first.setting)
    assert first.bytes == len(data)
    assert first.psnr_rgb_db == metrics.psnr_db(picture, qimg.decode(data))


def test_losses_are_first_minus_last() -> None:
    for cropped in (False, True):
        expected = [
            of("WebP", name, cropped=cropped)[0].psnr_rgb_db - of("WebP", name, cropped=cropped)[-1].psnr_rgb_db
            for name in images.BUNDLED
        ]
        assert loss_db(rows(), "WebP", cropped=cropped) == expected


def test_findings_table_and_plot() -> None:
    for sentence in generation_loss.findings(rows()):
        assert sentence.endswith(".")
        assert "nan" not in sentence.lower().split()
    table = generation_loss.tables(rows())["losses"]
    assert [row[0] for row in table.rows] == ["qimg", "JPEG", "WebP"]
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        assert cells["lost, dB"] == np.mean(loss_db(rows(), row[0], cropped=False))
        assert cells["lost with cropping, dB"] == np.mean(loss_db(rows(), row[0], cropped=True))
    figure = generation_loss.plot(rows())
    assert isinstance(figure, Figure)
    assert all(ax.get_xlabel() and len(ax.get_lines()) == 3 for ax in figure.axes)


def test_pictures_at_the_edge(tmp_path) -> None:
    images.save(images.bundled("coffee")[:1, :1], tmp_path / "pixel.png")
    images.save(np.full((16, 16), 128, np.uint8), tmp_path / "flat.png")
    images.save(images.bundled("coffee")[40:53, 60:81, 0], tmp_path / "gray.png")
    found = generation_loss.run(dataclasses.replace(THEIRS, images=(str(tmp_path),), box_mean=1))
    counts = {
        (name, cropped): sum((row.image, row.cropped, row.codec) == (name, cropped, "JPEG") for row in found)
        for name in ("pixel", "flat", "gray")
        for cropped in (False, True)
    }
    # Nothing is left of one pixel once a row and a column are cropped.
    assert counts == {(name, cropped): 1 if (name, cropped) == ("pixel", True) else 3 for name, cropped in counts}
    assert len(generation_loss.findings(found)) > 0
    flat = [row for row in found if row.image == "flat"]
    (sentence,) = generation_loss.findings(flat)
    assert "no loss to compare" in sentence
    assert len(generation_loss.tables(flat)["losses"].rows) == 2
    assert isinstance(generation_loss.plot(flat), Figure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codecs": ()}, "codecs must hold at least one value"),
        ({"codecs": ("MPEG",)}, r"codecs must be one of block, .*, but codecs='MPEG'"),
        ({"bits_per_pixel": 0.0}, "bits_per_pixel must be positive, but bits_per_pixel=0.0"),
        ({"rounds": 0}, "rounds must be an integer of at least 1"),
    ],
)
def test_wrong_parameters_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generation_loss.run(dataclasses.replace(THEIRS, **change))
