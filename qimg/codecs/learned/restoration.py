"""The restoration network in integers."""

FACTOR = 2
"""Rows and columns of pixels per feature."""
SMOOTH = 4
"""Rows and columns of the squares whose means are subtracted from the detail."""
INPUT_BOUND = 255
"""Largest magnitude of an integer input."""
INPUT_FRACTION = 5
"""Binary digits after the point of the inputs: pictures in units of 64 code values, and details in half steps."""
PICTURE_SCALE, DETAIL_SCALE = 64.0, 0.5
"""Units of the inputs: of pictures in code values, and of details in steps."""
CHANGE_FRACTION = 8
"""Binary digits after the point of changes, in quantization steps."""
FURTHEST = (1 << 15) - 1
"""Largest magnitude of the residual stream and of changes."""
