"""Shared by encoder and decoder: the file of a picture with its header, chunks, strips and alpha."""
