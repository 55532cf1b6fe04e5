"""Formats of cells, tables as Markdown, styles of curves, and figures at print size."""

import itertools

import matplotlib
import pytest
from matplotlib import pyplot as plt

from qimg.report import PRINT, Table, format_cell, plot_curves, print_size
from qimg.report.plots import curve_styles


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (-8.94, "+.1f", "−8.9"),
        (8.94, "+.1f", "+8.9"),
        (-0.04, "+.1f", "0.0"),
        (0.04, "+.1f", "0.0"),
        (-8.94, "abs.1f", "8.9"),
        (0.912, ".1%", "91.2"),
        (-0.912, "abs.0%", "91"),
        (68836, "_d", "68\N{NO-BREAK SPACE}836"),
        (3.9e-4, ".1e", "3.9·10⁻⁴"),
        (0.0, ".1e", "0"),
        (float("nan"), ".2f", "–"),
        (float("inf"), ".2f", "∞"),
        ("text", ".2f", "text"),
        (1.23456, "", "1.235"),
    ],
)
def test_numbers_are_written_by_their_format(value, spec, text):
    assert format_cell(value, spec) == text


def test_a_table_has_the_same_cells_in_every_form():
    table = Table(
        columns=["name", "gain, dB"], rows=[["a|b", 1.25], ["c", -2.0]], caption="Means", formats={"gain, dB": "+.1f"}
    )
    assert table.to_markdown() == "| name | gain, dB |\n| --- | --- |\n| a\\|b | +1.2 |\n| c | −2.0 |\n\nMeans."
    for cell in ("+1.2", "−2.0"):
        assert cell in table.to_text()
        assert f"<td>{cell}</td>" in table.to_html()
    assert table.head(1).formats == table.formats


def test_no_two_curves_look_alike():
    styles = list(itertools.islice(curve_styles(), 70))
    assert len({tuple(style.values()) for style in styles}) == 70


def test_every_curve_has_an_entry_in_the_legend_and_a_style_of_its_own():
    figure, ax = plt.subplots()
    ax.axhline(0)  # a line without a label takes no style
    plot_curves({str(k): ([0, 1], [k, k]) for k in range(9)}, x_label="x", y_label="y", ax=ax)
    labelled = [line for line in ax.lines if not line.get_label().startswith("_")]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [str(k) for k in range(9)]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in labelled}
    assert len(looks) == 9
    assert labelled[0].get_color() == matplotlib.rcParams["axes.prop_cycle"].by_key()["color"][0]
    plt.close(figure)


def test_figures_are_scaled_to_the_width_of_a_page_and_keep_their_shape():
    with plt.rc_context(PRINT):
        wide, small = plt.figure(figsize=(14, 6)), plt.figure(figsize=(5, 3))
        for figure in (wide, small):
            print_size(figure)
        assert tuple(wide.get_size_inches()) == (7, 3)
        assert tuple(small.get_size_inches()) == (5, 3)
        plt.close("all")
