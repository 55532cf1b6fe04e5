"""The learned codec and its variants: which parts a variant lacks, ideal lengths by hand, published curves."""

import dataclasses
import functools

import numpy as np
import pytest

import qimg
from experiments._run import gather
from experiments.learned import learned_codec
from experiments.learned.learned_codec import HISTOGRAMS, LINEAR, NEAREST, TINY, WHOLE, Row
from qimg import metrics
from qimg.codecs.learned.bitstream import parse
from qimg.codecs.learned.decoder import latents_of
from qimg.codecs.learned.model import default

pytestmark = pytest.mark.slow


@functools.cache
def rows() -> list[Row]:
    """TINY, run once for all tests of this file."""
    return learned_codec.run(TINY)


def of(codec: str, image: str, setting: float) -> Row:
    (row,) = [row for row in rows() if (row.codec, row.image, row.setting) == (codec, image, setting)]
    return row


def test_variants_lack_parts_of_the_decoder():
    costs = default().multiply_accumulates()
    for row in rows():
        if row.codec == WHOLE:
            several = [of(codec, row.image, row.setting) for codec in (HISTOGRAMS, LINEAR, NEAREST)]
            assert [one.macs_per_pixel for one in several] == [
                costs["transform"],
                costs["transform"] + costs["contexts"],
                sum(costs.values()),
            ]
            histograms, linear, nearest = several
            assert linear.bytes == row.bytes
            assert histograms.psnr_rgb_db == linear.psnr_rgb_db
            assert nearest.bytes > row.bytes
            assert nearest.psnr_rgb_db > row.psnr_rgb_db - 0.1  # restoration is trained on rounding with a wide zero


def test_a_row_by_hand():
    picture = gather((), box_mean=TINY.box_mean, originals=False).pictures[0]
    image = picture.code_values()
    setting = max(row.setting for row in rows() if row.codec == WHOLE)
    row = of(WHOLE, picture.name, setting)
    data = qimg.encode(image, codec="learned", quality=setting)
    assert row.bytes == len(data)
    assert row.psnr_rgb_db == pytest.approx(metrics.psnr_db(image, qimg.decode(data)))
    stream = parse(data)
    latents = latents_of(default(), stream)
    # Of one channel: the entropy of its histogram, by a formula other than that of the experiment.
    flat = latents[5].ravel()
    shares = np.bincount(flat - flat.min()) / flat.size
    entropy = -sum(share * np.log2(share) for share in shares if share)
    only = np.zeros_like(latents)
    only[5] = latents[5]
    assert learned_codec._histogram_bits(only) == pytest.approx(entropy * flat.size)


def test_published_curves(tmp_path):
    name = rows()[0].image
    means = tmp_path / "means.csv"
    lines = ["source,codec,set,bits_per_pixel,rgb_psnr_db"]
    for codec, factor in (("jpeg", 1.0), ("vtm", 0.5)):
        lines += [f"a,{codec},kodak 1-24 mean,{factor * rate},{27 + 4 * rate}" for rate in (0.1, 1, 2, 3)]
    means.write_text("\n".join(lines))
    single = tmp_path / "single.csv"
    lines = [f"a,cool-chic-5.0,{name},{rate},{20 + 5 * rate}" for rate in (1, 2, 3)]
    single.write_text("\n".join(["source,codec,picture,bits_per_pixel,rgb_psnr_db", *lines, "a,other,elsewhere,1,30"]))
    params = dataclasses.replace(TINY, published=(str(means), str(single)))
    read = list(learned_codec._published(params, {name}))
    assert len(read) == 11
    assert all(row.published for row in read)
    table = learned_codec.tables([*rows(), *read])["published"]
    assert table.columns[:3] == ["published codec", "pictures", "against JPEG, %"]
    assert [row[2] for row in table.rows if row[0] == "VTM"] == [pytest.approx(-50)]


def test_findings_tell_what_each_part_buys():
    told = " ".join(learned_codec.findings(rows()))
    for words in ("learned against JPEG", "The restoration network", "Context networks", "optimised rounding"):
        assert words in told
    assert dataclasses.asdict(TINY)["published"] == ()
