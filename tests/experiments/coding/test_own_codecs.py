"""A user's own codec by its import name, and curves of other programs from CSV files."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import qimg
from experiments import __main__ as command
from experiments.coding import generation_loss, rate_distortion
from experiments.coding.compared_codecs import chosen, round_trip
from experiments.coding.external_curves import CurveFileError, read_curves
from experiments.coding.rate_distortion import Params
from qimg import cli, images
from qimg.codecs import registry
from qimg.codecs.functions import FunctionCodec
from qimg.codecs.protocol import Codec

OWN = """
import zlib
import numpy as np
from qimg.codecs.functions import FunctionCodec

def write(image, step):
    sides = np.array([int(step), *image.shape], np.uint16).tobytes()
    return bytes([len(sides)]) + sides + zlib.compress((image // int(step)).astype(np.uint8).tobytes(), 9)

def read(data):
    step, *shape = np.frombuffer(data[1 : 1 + data[0]], np.uint16)
    levels = np.frombuffer(zlib.decompress(data[1 + data[0] :]), np.uint8).reshape(shape)
    return np.clip(levels.astype(int) * step + step // 2, 0, 255).astype(np.uint8)

codec = FunctionCodec(name="steps", write=write, read=read, settings=(64, 32, 16, 8))

def spoil(image, step):
    image[:] = 0
    return write(image, step)

def of(name, write=write, read=read, settings=(8,)):
    return FunctionCodec(name=name, write=write, read=read, settings=settings)

modifies = of("modifies", write=spoil)
crops = of("crops", read=lambda data: read(data)[1:])
floats = of("floats", read=lambda data: read(data) / 255)
text = of("text", write=lambda image, step: "text")
empty = of("empty", write=lambda image, step: b"")
fails = of("fails", read=lambda data: 1 / 0)
no_curve = of("no curve", settings=())
named_jpeg = of("JPEG")
nothing = object()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a module of codecs and two small pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    monkeypatch.delitem(sys.modules, "own", raising=False)
    Path("own.py").write_text(OWN)
    Path("broken.py").write_text("x = (")
    for name in ("coffee", "astronaut"):
        images.save(images.box_mean(images.bundled(name), 8), f"{name}.png")
    return tmp_path


def params(**options) -> Params:
    return Params(images=("astronaut.png", "coffee.png"), points=3, **options)


def test_an_object_is_a_codec_by_its_import_name(here) -> None:
    (own,) = chosen(["own:codec"])
    assert isinstance(own, Codec)
    assert (own.id, own.name) == ("steps", "steps")
    image = images.load("coffee.png")
    assert_array_equal(round_trip(own, image, 1, name="coffee").output, image)
    data = qimg.encode(image, codec="own:codec", quality=16)
    assert_array_equal(qimg.decode(data, codec="own:codec"), image // 16 * 16 + 8)
    assert qimg.codecs.info(data, codec="own:codec").width == image.shape[1]
    assert registry.name_of(own) == "own:codec"
    cli.main(["encode", "coffee.png", "coffee.bin", "--codec", "own:codec", "--quality", "16"])
    assert Path("coffee.bin").read_bytes() == data


def test_own_codecs_are_measured_beside_others(here) -> None:
    rows = rate_distortion.run(params(codecs=("own:codec", "peer:jpeg")))
    assert len(rows) == 2 * 2 * 3
    assert [row.setting for row in rows if row.codec == "steps"] == [64, 16, 8] * 2
    programs = [row[-1] for row in rate_distortion.tables(rows)["rates"].rows]
    assert programs == ["a codec of yours", "libjpeg-turbo by Pillow, its defaults, 4:2:0"]
    losses = generation_loss.run(
        generation_loss.Params(images=("coffee.png",), codecs=("own:codec",), rounds=2, bits_per_pixel=4)
    )
    assert [row.same_picture for row in losses] == [False, True] * 2


def test_the_run_records_the_files_of_codecs_and_curves(here, capsys) -> None:
    Path("theirs.csv").write_text(CURVES)
    options = ["--images", "astronaut.png", "coffee.png", "--points", "2", "--curves", "theirs.csv"]
    command.main(["rate_distortion", *options, "--codecs", "own:codec", "peer:jpeg"])
    (first,) = Path("runs/rate_distortion").iterdir()
    facts = json.loads((first / "provenance.json").read_text())
    assert sorted(facts["files"]) == ["own:codec", "theirs.csv"]
    Path("theirs.csv").write_text(CURVES.replace("900", "901"))
    command.main(["rate_distortion", *options, "--codecs", "own:codec", "peer:jpeg"])
    assert len(list(Path("runs/rate_distortion").iterdir())) == 2
    assert "theirs and JPEG cannot be compared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("own:modifies", "codec modifies, setting 8, picture p: must not modify the picture that it encodes"),
        ("own:crops", r"picture p: must decode to the shape \(50, 75, 3\) of the picture, but returned \(49, 75, 3\)"),
        ("own:floats", "must decode to an array of uint8, but returned dtype float64"),
        ("own:text", "write must return bytes, but returned str"),
        ("own:empty", "must encode to a file, which is bytes, but returned an empty one"),
        ("own:fails", r"cannot be read as fails \(ZeroDivisionError: division by zero\)"),
        ("own:no_curve", "own:no_curve: curve must be CurveSettings with at least one setting"),
        ("own:named_jpeg", "own:named_jpeg: its name must be new, but 'JPEG' is that of another codec"),
        ("own:nothing", "own:nothing: must have the attributes of .*Codec, but object has no about, capabilities"),
        ("own:FunctionCodec", "own:FunctionCodec: must be a codec, but is a class; name an object of it"),
        ("own:absent", "own:absent: the module own has no absent"),
        ("absent:codec", r"absent:codec: cannot be imported \(ModuleNotFoundError: No module named 'absent'\)"),
        ("broken:codec", r"broken:codec: cannot be imported \(SyntaxError: "),
        ("peer:jpg", "codecs must be one of block, learned, peer:avif"),
    ],
)
def test_what_is_no_codec_is_refused(here, name, sentence) -> None:
    image = images.load("coffee.png")
    with pytest.raises(ValueError, match=sentence):
        round_trip(*chosen([name]), image, 8, name="p")


def test_an_installed_module_that_hides_the_users_is_named(here) -> None:
    Path("numbers.py").write_text(OWN)
    with pytest.raises(ValueError, match=r"numbers:codec: is the installed module .*, which hides yours; give your"):
        registry.imported("numbers:codec")


def test_an_id_is_that_of_one_codec(here) -> None:
    registry.imported("own:codec")
    Path("other.py").write_text(OWN)
    with pytest.raises(ValueError, match="other:codec: its id must be new, but 'steps' is that of own:codec"):
        registry.imported("other:codec")


def test_settings_of_functions_are_whole_where_all_are() -> None:
    whole, fractional = (
        FunctionCodec(name="A b", write=lambda image, setting: b"", read=lambda data: data, settings=settings)
        for settings in ((1, 2.0), (0.5, 1))
    )
    assert (whole.id, whole.curve.whole, fractional.curve.whole) == ("a-b", True, False)


CURVES = """codec,picture,bytes,psnr_rgb_db
theirs,astronaut,900,26
theirs,astronaut,1800,32
theirs,astronaut,3600,38
theirs,coffee,3600,39
theirs,coffee,900,25
theirs,coffee,1800,31
"""


def test_curves_of_other_programs_are_read_beside_measured_ones(here) -> None:
    Path("theirs.csv").write_text(CURVES)
    rows = rate_distortion.run(params(codecs=("peer:jpeg",), curves=("theirs.csv",)))
    theirs = [row for row in rows if row.codec == "theirs"]
    assert [(row.image, row.setting, row.bytes, row.psnr_rgb_db) for row in theirs] == [
        ("astronaut", 1, 900, 26),
        ("astronaut", 2, 1800, 32),
        ("astronaut", 3, 3600, 38),
        ("coffee", 1, 900, 25),
        ("coffee", 2, 1800, 31),
        ("coffee", 3, 3600, 39),
    ]
    height, width = images.load("coffee.png").shape[:2]
    assert theirs[3].bits_per_pixel == pytest.approx(8 * 900 / (height * width))
    assert np.isnan(theirs[0].psnr_y_db)
    # Curves without luma take no part in its rates, and do not keep other codecs from theirs.
    assert {pair[0] for pair in rate_distortion.comparisons(rows, "psnr_rgb_db")} == {"theirs"}
    assert set(rate_distortion.rate_curves(rows, "psnr_y_db")) == {"JPEG"}
    assert rate_distortion.plot(rows).axes


def test_a_rate_is_bytes_or_bits_per_pixel(here) -> None:
    Path("a.csv").write_text("codec,picture,bits_per_pixel,psnr_y_db\nA,p,2,30\nA,p,1,28\n")
    points = read_curves(["a.csv"], {"p": 1000})["p"]
    assert [(point.bytes, point.bits_per_pixel, point.setting) for point in points] == [(125, 1, 1), (250, 2, 2)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("codec,picture,bytes\nA,coffee,9\n", "a.csv: must have the column psnr_rgb_db or psnr_y_db, but has"),
        ("codec,bytes,psnr_y_db\nA,9,30\n", "a.csv: must have the column picture"),
        ("codec,picture,bytes,psnr_db,psnr_y_db\nA,coffee,9,3,3\n", "a.csv: has unknown columns psnr_db; it may have"),
        ("codec,picture,bytes,psnr_y_db\nA,coffee,9\n", "a.csv, line 2: must have 4 values"),
        (
            "codec,picture,bytes,psnr_y_db\nA,coffee,9,high\n",
            "a.csv, line 2: psnr_y_db must be a number, but is 'high'",
        ),
        (
            "codec,picture,bytes,psnr_y_db\nA,coffee,9,30\nA,coffee,19,0.95\n",
            r"a.csv, line 3: psnr_y_db must lie in \[3, 120\] dB, or be inf, but is 0.95",
        ),
        ("codec,picture,bytes,psnr_y_db\nA,coffee,9.5,30\n", "a.csv, line 2: bytes must be a whole number of bytes"),
        ("codec,picture,bytes,psnr_y_db\nA,coffee,,30\n", "a.csv, line 2: bytes or bits_per_pixel must be given"),
        ("codec,picture,bytes,psnr_y_db\nA,coffee,9,\n", "a.csv, line 2: psnr_rgb_db or psnr_y_db must be given"),
        ("codec,picture,bytes,psnr_y_db\n,coffee,9,30\n", "a.csv, line 2: codec must not be empty"),
        ("codec,picture,bytes,psnr_y_db\nA,coffee,9999999,30\n", "a.csv, line 2: bytes must be at most"),
        (
            "codec,picture,bytes,bits_per_pixel,psnr_y_db\nA,coffee,900,9,30\n",
            "a.csv, line 2: bits_per_pixel must be 1.92 for 900 bytes and 3750 pixels, but is 9",
        ),
        (
            "codec,picture,bytes,psnr_y_db\nA,coffee,9,30\n",
            "'A' needs lines for every picture, but has none for a",
        ),
        (
            "codec,picture,bytes,psnr_y_db\nA,coffee.png,9,30\n",
            "codec 'A' must have lines for astronaut, coffee, but has some for coffee.png only",
        ),
        (
            "codec,picture,bytes,psnr_y_db\nA,coffee,9,30\nA,astronaut,9,30\nA,astronaut,19,33\n",
            "must have equally many points on every picture, but has 1 on coffee and 2 on astronaut",
        ),
        (CURVES.replace("theirs", "JPEG"), "codec 'JPEG' is measured or read already; give it another name"),
        ("codec,picture,bytes,psnr_y_db\n", "a.csv: has no lines"),
        (None, r"a.csv: cannot be read \(No such file or directory\)"),
    ],
)
def test_files_of_curves_that_cannot_be_used_are_refused(here, content, sentence) -> None:
    if content is not None:
        Path("a.csv").write_text(content)
    with pytest.raises(CurveFileError, match=sentence):
        rate_distortion.run(params(codecs=("peer:jpeg",), curves=("a.csv",)))
