"""`docs/formats/versions.md`: a row for every codec with a number, and golden files that decode to their pixels."""

import hashlib
import re
from pathlib import Path

import pytest

from qimg import codecs
from qimg.codecs import registry
from qimg.codecs.envelope import Reader

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
TABLE = re.findall(
    r"^\| `([\w:-]+)` \| (\d+) \| (\d+) \| (.+?) \| (.+?) \|$",
    (ROOT / "docs" / "formats" / "versions.md").read_text("utf-8"),
    flags=re.MULTILINE,
)


def test_every_codec_with_a_number_has_its_row() -> None:
    numbered = {(name, entry.number) for name, entry in registry._ENTRIES.items() if entry.number is not None}
    assert {(name, int(number)) for name, number, *_ in TABLE} == numbered
    assert len(TABLE) == len({number for _, number, *_ in TABLE}) >= 1


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_golden_files_of_a_codec_decode_to_their_pixels(row) -> None:
    codec_id, number, version, _, golden = row
    names = re.findall(r"`(\w+)`", golden)
    versions = set()
    for name in names:
        data = (GOLDEN / f"{name}.qimg").read_bytes()
        envelope = Reader(data).envelope()
        assert envelope.number == int(number)
        versions.add(envelope.version)
        assert registry.id_of(data) == codec_id
        pixels = codecs.get(codec_id).decode(data)
        digest = hashlib.sha256(f"{pixels.dtype} {pixels.shape} ".encode() + pixels.tobytes()).hexdigest()
        assert digest == (GOLDEN / f"{name}.sha256").read_text().strip(), name
    assert versions == set(range(1, int(version) + 1))  # files of every version


def test_every_golden_file_stands_in_the_table() -> None:
    named = {name for row in TABLE for name in re.findall(r"`(\w+)`", row[4])}
    assert named == {path.stem for path in GOLDEN.glob("*.qimg")}
