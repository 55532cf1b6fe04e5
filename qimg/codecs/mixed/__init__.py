"""The mixed codec: photographs by the block codec and graphics by the contour codec, in one picture, tile by tile."""
