"""The sketch codec: a picture in 100 to 400 bytes, as a coarse base and overlapping soft ellipses."""
