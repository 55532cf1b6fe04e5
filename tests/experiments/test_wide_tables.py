"""Tables with a column for each value of an attribute."""

from dataclasses import dataclass

from experiments._run import mean, wide_table


@dataclass(frozen=True)
class Reading:
    image: str
    method: str
    shots: int
    psnr_db: float


ROWS = [
    Reading("a", "first", 4096, 20.0),
    Reading("b", "first", 4096, 22.0),
    Reading("a", "first", 64, 10.0),
    Reading("a", "second", 4096, 30.0),
]


def test_values_in_rising_order_are_the_last_columns():
    table = wide_table(
        ROWS,
        lambda own: mean(own, "psnr_db"),
        by={"way": "method"},
        columns={"readings": len},
        across="shots",
        heading="{} shots",
        caption="PSNR",
        spec=".1f",
        formats={"readings": "_d"},
    )
    assert table.columns == ["way", "readings", "64 shots", "4 096 shots"]
    assert table.rows == [["first", 3, 10.0, 21.0], ["second", 1, "", 30.0]]
    assert table.formats == {"readings": "_d", "64 shots": ".1f", "4 096 shots": ".1f"}
    assert table.caption == "PSNR"


def test_without_rows_only_the_first_columns_are_left():
    table = wide_table([], len, by={"way": "method"}, across="shots")
    assert table.columns == ["way"]
    assert table.rows == []
