"""Shared by encoder and decoder: colour, geometry of blocks, prediction, class eigenbases, quantization, the filter."""
