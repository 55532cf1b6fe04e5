"""The restoration network in integers."""

FACTOR = 4
"""Rows and columns of pixels per feature."""
INPUT_BOUND = 127
"""Largest magnitude of a code value minus 128."""
INPUT_FRACTION = 5
"""Binary digits after the point of the inputs, which are code values minus 128 in units of 32."""
CHANGE_FRACTION = 8
"""Binary digits after the point of changes, in quantization steps."""
FURTHEST = (1 << 15) - 1
"""Largest magnitude of the residual stream and of changes."""
