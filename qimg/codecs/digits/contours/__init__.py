"""The contour codec of digits: outlines, their eigenbasis, painting in integers, and the search for codes."""
