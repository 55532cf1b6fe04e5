"""Published curves: read with clear errors, and compared with the codecs that are known on the same pictures."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.coding.external_curves import CurveFileError
from experiments.coding.published_curves import SETS, on_measured_pictures, published_rates, read_published

HEADER = "source,codec,{},bits_per_pixel,rgb_psnr_db"
RATES = (0.1, 0.4, 0.9, 2.0)


@dataclass(frozen=True)
class Row:
    image: str
    codec: str
    published: bool
    bits_per_pixel: float
    psnr_rgb_db: float


def curve(image: str, codec: str, factor: float, *, published: bool) -> list[Row]:
    """A curve with `factor` times the bits of the curve with factor 1."""
    return [Row(image, codec, published, factor * rate, 27 + 6 * rate) for rate in RATES]


def test_codecs_are_compared_where_both_are_known():
    kodak = sorted(SETS["kodak 1-24 mean"])
    measured = kodak[:3]
    rows = [row for name in measured for row in curve(name, "qimg", 1.2, published=False)]
    rows += [row for name in measured for row in curve(name, "JPEG", 3.0, published=False)]
    rows += [row for name in kodak for row in curve(name, "cool-chic-5.0", 1.0, published=True)]
    rows += curve("kodak 1-24 mean", "vtm", 1.1, published=True)
    rows += curve("kodak 1-24 mean", "jpeg", 2.2, published=True)
    rows += curve("kodak 1-24 mean", "kodak-vtm91", 9.0, published=True)  # not shown: tuned for another measure
    found = {
        (one.pictures, one.codec, one.published): {anchor: result.own for anchor, result in one.against.items()}
        for one in published_rates(rows, ("Cool-chic 5.0", "JPEG"))
    }
    here, there = "3 measured pictures", "kodak 1-24 mean"
    expected = {
        (here, "qimg", False): {"Cool-chic 5.0": 20, "JPEG": 100 * (1.2 / 3 - 1)},
        (here, "JPEG", False): {"Cool-chic 5.0": 200},
        (here, "Cool-chic 5.0", True): {"JPEG": 100 * (1 / 3 - 1)},
        (there, "Cool-chic 5.0", True): {"JPEG": 100 * (1 / 2.2 - 1)},
        (there, "VTM", True): {"Cool-chic 5.0": 10, "JPEG": -50},
        (there, "JPEG", True): {"Cool-chic 5.0": 120},
    }
    assert set(found) == set(expected)
    for key, against in expected.items():
        assert found[key] == pytest.approx(against)
    # Only the curve of the measured pictures can be drawn beside measured ones.
    assert list(on_measured_pictures(rows)) == ["Cool-chic 5.0, published"]


def test_measured_codecs_stand_beside_means_over_the_same_pictures():
    rows = [row for name in SETS["kodak 1-24 mean"] for row in curve(name, "qimg", 2.0, published=False)]
    rows += curve("kodak 1-24 mean", "vtm", 1.0, published=True)
    (qimg, vtm) = published_rates(rows, ("VTM",))
    assert (qimg.codec, vtm.codec) == ("qimg", "VTM")
    assert qimg.against["VTM"].percent == pytest.approx(100)
    assert vtm.against == {}


def test_nothing_is_compared_without_published_curves():
    assert published_rates(curve("kodim01", "qimg", 1.0, published=False), ("JPEG",)) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a,vtm,kodim01,0,30"], "line 2: must have a codec, a picture or a set, and positive numbers"),
        (["a,vtm,kodim01,1,30", "a,vtm,kodim01,1"], "line 3: must have"),
        (["a,,kodim01,1,30"], "line 2: must have"),
        (["a,vtm,kodim01,1,nan"], "line 2: must have"),
    ],
)
def test_other_files_are_errors(tmp_path: Path, lines: list[str], words: str):
    path = tmp_path / "curves.csv"
    path.write_text("\n".join([HEADER.format("picture"), *lines]))
    with pytest.raises(CurveFileError, match=words) as error:
        list(read_published([str(path)]))
    assert str(path) in str(error.value)


def test_missing_files_are_errors(tmp_path: Path):
    with pytest.raises(CurveFileError, match=r"none\.csv: cannot be read \(No such file"):
        list(read_published([str(tmp_path / "none.csv")]))
