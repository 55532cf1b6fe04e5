"""Statistics of sketches: their fit on pictures, their file, and what they save."""

import numpy as np
import pytest

from qimg.codecs.sketch import estimation, geometry
from qimg.codecs.sketch.estimation import Sketch
from qimg.codecs.sketch.recipe import Recipe, fit
from qimg.codecs.sketch.statistics import EARLIER, FittedStatistics, of_version
from qimg.core.artifacts import ArtifactError
from qimg.images import bundled

COFFEE = np.ascontiguousarray(bundled("coffee")[::8, ::8])
TINY = Recipe(pictures=3, sizes=(80,), rounds=1, effort=1)


@pytest.fixture(scope="module")
def sketches():
    """Numbers drawn at random: large amplitudes first, sizes that fall, and rims of one kind."""
    rng = np.random.default_rng(0)
    several = []
    for planes in (1, 3, 1):
        ellipses = []
        for index in range(12):
            one = rng.integers(-2, 3, geometry.numbers_of(planes))
            one[geometry.RIM] = 7
            one[geometry.AMPLITUDE] = rng.choice((-1, 1)) * max(24 >> (index // 3), 1)
            one[[geometry.ROW, geometry.COLUMN]] = 0
            ellipses.append(one)
        base = rng.integers(-40, 41, (planes, len(geometry.BASE_FREQUENCIES)))
        several.append(Sketch(8, geometry.sides(20, 30), base, ellipses))
    return several


def test_the_code_is_shorter_by_the_statistics_of_what_is_coded(sketches):
    fitted = estimation.estimated(sketches, EARLIER)
    assert estimation.bits(sketches, fitted) < 0.9 * estimation.bits(sketches, EARLIER)
    assert int(np.argmax(fitted.rims)) == 7
    # After amplitudes of 24 the next one has the octave of 24, or of 12.
    assert int(np.argmax(fitted.octaves_of(3, 24))) == 4
    # Scales of the base are mean magnitudes at step 0: 20 times 2^(8/4), in eighths of octaves above 0.04.
    assert np.mean(fitted.base[0]) == pytest.approx(8 * np.log2(80 / 0.04), abs=6)


def test_parameters_of_chroma_stay_without_colour(sketches):
    fitted = estimation.estimated([sketches[0]], EARLIER)
    assert fitted.chroma == EARLIER.chroma
    assert fitted.base[1] == EARLIER.base[1]


def test_a_fit_resumes_and_its_file_holds_the_statistics(tmp_path):
    pictures = [COFFEE, COFFEE[::-1].copy(), COFFEE[:, ::-1].copy()]
    out, checkpoint = tmp_path / "my.statistics", tmp_path / "my.checkpoint"

    def interrupted(pictures):
        yield from list(pictures)[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(pictures, TINY, out=out, checkpoint=checkpoint, track=interrupted)
    fitted = fit(pictures, TINY, out=out, checkpoint=checkpoint)
    assert not checkpoint.exists()
    loaded = FittedStatistics.load(out)
    assert loaded.statistics == fitted.statistics
    assert loaded.provenance["rounds"][0]["bits"] < 1
    assert len(loaded.provenance["inputs"]) == 3
    out.write_bytes(out.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="cannot be read as statistics of sketches"):
        FittedStatistics.load(out)


def test_the_shipped_statistics_are_valid_and_those_of_version_3():
    FittedStatistics.load().check_values()
    assert of_version(3) == FittedStatistics.load().statistics
    assert of_version(1) is of_version(2) is EARLIER


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pictures": 0}, "pictures must be an integer of at least 1"),
        ({"sizes": (20,)}, r"sizes must be in \[40, 511\], but sizes=20"),
        ({"effort": 10}, "effort must be"),
    ],
)
def test_recipes_out_of_range(options, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**options)
