"""One self-contained HTML page, its tables, and its themes."""

import csv
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure as MatplotlibFigure

from qimg import report
from qimg.report.tables import format_number


def draw() -> MatplotlibFigure:
    """A figure with everything an SVG refers to by identifier: a clipped line, an embedded picture, text."""
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([0, 1], [1, 0])
    left.set_title("a < b")
    report.plot_density_matrix(np.eye(2) / 2, ax=right)
    return figure


PAGE = report.Page(
    title="Patches & <operators>",
    lead="The `rho` of <pictures>.",
    notes=["A note with 1 < 2."],
    sections=[
        report.Section(
            title="First <section>",
            question="Does `x < y` hold?",
            findings=["It does & it doesn't."],
            figures=[report.Figure(draw=draw, caption='Caption with "quotes" & <tags>')] * 2,
            tables=[report.Table(columns=["name <b>", "value"], rows=[["<i>", 0.5]], caption="Rows & columns")],
            files=["results/a b.csv"],
        ),
        report.Section(title="Second", question="What else?", figures=[report.Figure(draw=draw, caption="again")]),
    ],
)


class Reader(HTMLParser):
    """Collects elements, attributes and text, and checks that what opens also closes."""

    VOID = ("meta", "br", "img", "link", "input")

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def values(self, *names: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags for name in names if name in attributes]

    def text_of(self, tag: str) -> list[str]:
        return [text for owner, text in self.texts if owner == tag]


@pytest.fixture(scope="module")
def document() -> str:
    return report.render(PAGE)


@pytest.fixture(scope="module")
def reader(document: str) -> Reader:
    return Reader(document)


def test_page_is_well_formed(reader: Reader) -> None:
    assert reader.open == []
    assert reader.tags[0] == ("html", {"lang": "en", "data-theme": "light"})
    assert [tag for tag, _ in reader.tags].count("svg") == 6


def test_page_needs_no_other_file_and_no_network(document: str, reader: Reader) -> None:
    without_names = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", document)
    assert re.findall(r"\w+://[^\s\"'<]*", without_names) == []
    assert "@import" not in document
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in reader.tags}
    references = reader.values("src", "href", "xlink:href")
    outside = [value for value in references if not value.startswith(("#", "data:image/png;base64,"))]
    assert outside == ["results/a b.csv"]


def test_identifiers_are_unique_and_every_reference_has_its_target(document: str, reader: Reader) -> None:
    identifiers = reader.values("id")
    assert len(identifiers) == len(set(identifiers)) > 20
    targets = [value[1:] for value in reader.values("href", "xlink:href") if value.startswith("#")]
    targets += re.findall(r"url\(#([^)]*)\)", document)
    assert len(targets) > 20
    assert set(targets) <= set(identifiers)


def test_every_figure_is_drawn_for_light_and_for_dark(reader: Reader, document: str) -> None:
    classes = reader.values("class")
    assert classes.count("light-only") == classes.count("dark-only") == 3
    for name, theme in (("light", report.LIGHT), ("dark", report.DARK)):
        drawings = re.findall(rf'<div class="{name}-only">(.*?)</svg>', document, flags=re.DOTALL)
        assert len(drawings) == 3
        assert all(f"fill: {to_hex(theme['figure.facecolor'])}" in drawing for drawing in drawings)
    assert ".dark-only { display: none; }" in document
    assert ':root[data-theme="dark"] .light-only { display: none; }' in document


def test_text_is_escaped_and_code_is_set_as_code(reader: Reader) -> None:
    assert "".join(reader.text_of("title")[:1]) == "Patches & <operators>"
    assert reader.text_of("code") == ["rho", "x < y"]
    assert "It does & it doesn't." in reader.text_of("li")
    assert reader.text_of("figcaption")[0] == 'Caption with "quotes" & <tags>'
    assert reader.values("aria-label")[1:] == ['Caption with "quotes" & <tags>'] * 4 + ["again"] * 2
    assert not {"operators", "tags", "section", "i"} & {tag for tag, _ in reader.tags if tag != "section"}


def test_contents_lead_to_the_sections(reader: Reader) -> None:
    links = [value for value in reader.values("href") if value.startswith("#section")]
    assert links == ["#section-0", "#section-1"]
    assert [a["id"] for tag, a in reader.tags if tag == "section"] == ["section-0", "section-1"]
    assert "First <section>" in reader.text_of("a")


def test_page_is_the_same_every_time_and_leaves_no_figure_open(document: str) -> None:
    before = plt.get_fignums()
    assert report.render(PAGE) == document
    assert plt.get_fignums() == before


def test_theme_colours_the_drawing_and_nothing_after_it() -> None:
    before = plt.rcParams.copy()
    light, dark = report.draw_svg(draw, report.LIGHT), report.draw_svg(draw, report.DARK)
    assert before == plt.rcParams.copy()
    for svg, mine, other in ((light, report.LIGHT, report.DARK), (dark, report.DARK, report.LIGHT)):
        (first, *_) = mine["axes.prop_cycle"].by_key()["color"]
        (foreign, *_) = other["axes.prop_cycle"].by_key()["color"]
        assert f"stroke: {first}" in svg
        assert foreign not in svg


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [report.LIGHT, report.DARK], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_the_paper(theme: dict[str, str]) -> None:
    """WCAG 2.1 contrast: 7 for text (AAA), 3 for the lines of a graph (AA)."""
    paper = luminance(theme["figure.facecolor"])

    def contrast(colour: str) -> float:
        high, low = sorted((luminance(colour), paper), reverse=True)
        return (high + 0.05) / (low + 0.05)

    assert contrast(theme["text.color"]) >= 7
    assert min(contrast(entry["color"]) for entry in theme["axes.prop_cycle"]) >= 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (12.0, "12.00"),
        (1234.0, "1234"),
        (0.00012345, "1.23e-04"),
        (-123456.0, "-1.23e+05"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (1234567, "1,234,567"),
        (True, "True"),
        ("0.50", "0.50"),
        (None, "None"),
        (np.float64(0.5), "0.5000"),
        (np.float32(0.1), "0.1000"),
        (np.int64(1234), "1,234"),
    ],
)
def test_numbers_as_text(value: object, text: str) -> None:
    assert format_number(value) == text


TABLE = report.Table(columns=["picture", "PSNR (dB)"], rows=[["a<b", 30.12345], ["cat", 7]], caption="Quality")


def test_table_for_terminals() -> None:
    assert TABLE.to_text() == "Quality\npicture  PSNR (dB)\n    a<b      30.12\n    cat          7"


def test_table_for_pages() -> None:
    reader = Reader(TABLE.to_html())
    assert reader.text_of("caption") == ["Quality"]
    assert reader.text_of("th") == ["picture", "PSNR (dB)"]
    assert reader.text_of("td") == ["a<b", "30.12", "cat", "7"]
    assert [attributes.get("class") for tag, attributes in reader.tags if tag == "td"] == ["key", None, "key", None]


@dataclass(frozen=True)
class Row:
    picture: str
    psnr_db: float


def test_csv_reads_back_without_loss(tmp_path: Path) -> None:
    rows = [Row("with, comma", 0.1 + 0.2), Row('with "quotes"', 1e-300), Row("naïve", float("inf"))]
    report.write_csv(rows, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8", newline="") as file:
        names, *lines = csv.reader(file)
    assert names == ["picture", "psnr_db"]
    assert [Row(picture, float(value)) for picture, value in lines] == rows
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "rows must be records of one type, but hold 0 types"),
        ([Row("a", 1.0), TABLE], "rows must be records of one type, but hold 2 types"),
    ],
)
def test_csv_needs_rows_of_one_type(tmp_path: Path, rows: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        report.write_csv(rows, tmp_path / "rows.csv")
    assert list(tmp_path.iterdir()) == []
