"""JPEG files as they are: coefficients, 8×8 blocks, minimum coded units, libjpeg's own arithmetic, round trips."""
