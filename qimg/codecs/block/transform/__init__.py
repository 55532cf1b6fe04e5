"""Both sides: colour, geometry of blocks, prediction and class eigenbases, quantization, the filter."""
