"""The trials of noise, constant pictures, graphics and thin pictures, run small."""

from benchmarks.reliability import edges


def test_pictures_at_the_edge_keep_what_is_documented():
    rows = edges.measure(2, sides=(1,))
    counts = {(row.table, row.what, row.quantity): row.value for row in rows}
    for (table, what, quantity), tried in counts.items():
        if quantity != "tried":
            continue
        for outcome in ("at most raw size + 1 % + 100 bytes", "come back constant", "no more bytes than AVIF"):
            assert counts.get((table, what, outcome), tried) == tried
    assert counts["constant", "constant", "of one colour"] == counts["constant", "constant", "tried"]
    assert counts["constant", "constant", "worst error, code values"] == 0
    assert {row.table for row in rows} >= {"noise", "constant", "flat_squares"}
