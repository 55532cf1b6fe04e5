"""Sets of pictures at several scales and after JPEG, each as the second moments of its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments._run import Array, Gathered, Track
from experiments.operators.code_length import ac_operator, has_energy
from qimg import images


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Scale and JPEG quality at which the pictures of a set are compared."""

    scale: int
    """Boxes that they are averaged over; 1 is full size."""
    quality: int = 0
    """libjpeg's quality that they are encoded at; 0 leaves them as they are."""

    @property
    def label(self) -> str:
        """Such as "full size", "½" or "JPEG 50"."""
        names = {1: "full size", 2: "½", 3: "⅓", 4: "¼", 8: "⅛"}
        return f"JPEG {self.quality}" if self.quality else names.get(self.scale, f"1/{self.scale}")

    def named(self, name: str) -> str:
        """The name of a set with what was done with its pictures, where anything was."""
        return name if self == Kind(scale=1) else f"{name} {self.label}"

    def apply(self, image: Array) -> Array:
        """The image at this scale, or decoded from this JPEG."""
        if self.quality:
            return images.jpeg_round_trip(images.to_uint8(images.code_values(image)), quality=self.quality).image
        return images.box_mean(image, min(self.scale, *image.shape[:2]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Second moments of luma without DC, picture by picture, of one set and kind."""

    name: str
    kind: Kind
    hashes: tuple[str, ...]
    sums: Array
    """(n, 63, 63) sums over the patches of each picture."""
    counts: Array
    """(n,) patches in each."""

    def mean(self, weights: Array) -> Array:
        """Second moments per patch (..., 63, 63) of the pictures counted with weights (..., n)."""
        return np.asarray(np.tensordot(weights, self.sums, axes=1) / (weights @ self.counts)[..., None, None])

    def all(self) -> Array:
        """Second moments per patch of all pictures."""
        return self.mean(np.ones(len(self.counts)))

    def resamples(self, draws: int, rng: np.random.Generator) -> Array:
        """Weights (draws, n): how often each picture is drawn when n of them are drawn with replacement."""
        n = len(self.counts)
        return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)

    def halves(self, draws: int, rng: np.random.Generator) -> Array:
        """Weights (draws, n) of one half of the pictures; those of the other half are 1 minus these."""
        n = len(self.counts)
        return np.stack([(rng.permutation(n) < n // 2).astype(float) for _ in range(draws)])


def moments_of_sets(sets: Mapping[str, Gathered], kinds: Sequence[Kind], *, track: Track) -> list[Moments]:
    """All sets of the first kind, then all of the next; those without energy are left out. Reads a picture once."""
    named = [(name, picture) for name, one in sets.items() for picture in one.pictures]
    found: dict[tuple[str, Kind], list[tuple[str, Array, int]]] = {}
    for name, picture in track(named):
        image = picture.image()
        for kind in kinds:
            operator = ac_operator(kind.apply(image))
            found.setdefault((name, kind), []).append((picture.sha256, operator.matrix, operator.count))
    result = []
    for kind in kinds:
        for name in sets:
            hashes, sums, counts = zip(*found[name, kind], strict=True)
            result.append(Moments(name=name, kind=kind, hashes=hashes, sums=np.stack(sums), counts=np.array(counts)))
    return [moments for moments in result if has_energy(moments.all())]
