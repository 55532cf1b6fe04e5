"""Statistics of the numbers of sketches, from the training photographs `splits.json#fit`.

Scales are indices of `qimg.entropy.distributions`, eight for an octave; logits are in units of 1/16 nat. The rank of an
ellipse is ⌊2 log₂ (place in the file)⌋, from 0.
"""

RIMS = (-60, -29, -21, -15, -3, 0, -10, -6, -6, -10)
"""Logits of the numbers of rims."""
OCTAVES = (
    (-112, -57, -18, 0, -2, -23, -65, -120, -133, -133, -133, -133),
    (-91, -41, -10, 0, -10, -39, -89, -132, -134, -134, -134, -134),
    (-69, -26, -3, 0, -17, -55, -110, -133, -133, -133, -133, -133),
    (-51, -16, 0, -5, -29, -74, -126, -134, -134, -134, -134, -134),
    (-37, -8, 0, -12, -43, -95, -133, -134, -134, -134, -134, -134),
    (-24, -2, 0, -18, -57, -112, -133, -133, -133, -133, -133, -133),
    (-16, 0, -5, -29, -74, -126, -134, -134, -134, -134, -134, -134),
    (-9, 0, -11, -41, -92, -133, -135, -135, -135, -135, -135, -135),
    (-4, 0, -16, -53, -107, -134, -135, -135, -135, -135, -135, -135),
    (0, -2, -23, -65, -120, -135, -135, -135, -135, -135, -135, -135),
    (0, -7, -33, -80, -132, -138, -138, -138, -138, -138, -138, -138),
    (0, -11, -43, -94, -138, -140, -140, -140, -140, -140, -140, -140),
    (0, -16, -52, -107, -141, -142, -142, -142, -142, -142, -142, -142),
    (0, -20, -60, -118, -143, -143, -143, -143, -143, -143, -143, -143),
    (0, -22, -64, -122, -143, -143, -143, -143, -143, -143, -143, -143),
    (0, -22, -64, -122, -143, -143, -143, -143, -143, -143, -143, -143),
)
"""Logits of the octaves of amplitudes, by rank."""
SIZE_BY_RANK = (4308, 3413, 2535, 1673, 828, 0, -812, -1607, -2386, -3149, -3895, -4624, -5337, -6033, -6713, -7377)
"""Mean binary logarithm of sizes by rank, in units of 2⁻¹², in addition to `HEIGHT` and `WIDTH`."""
HEIGHT = (-16076, 32)
"""Mean binary logarithm in units of 2⁻¹², and scale for the step of amplitude 1."""
WIDTH = (-16420, 32)
"""As `HEIGHT`, for a height of the logarithm `geometry.MEAN_LOG`."""
WIDTH_BY_HEIGHT = 3
"""Sixteenths of the height's binary logarithm that the width's mean follows."""
SHEAR, SHEAR_OF_TALL, SHEAR_OF_WIDE = 24, 7, 2
"""Scale for the step of amplitude 1, and its growth in an octave of height/width above and below 1."""
SLOPES = (13, 10)
"""Scale of slopes for amplitude 1, and its growth in an octave of the amplitude."""
CHROMA = (8, 11)
"""As `SLOPES`, of the amplitudes of chroma."""
BASE = ((104, 88, 90, 83, 83, 83, 81, 77, 75, 77), (90, 74, 78, 67, 65, 70, 60, 60, 56, 62))
"""Scales of the coefficients of the base, in luma and in chroma, for step 0."""
