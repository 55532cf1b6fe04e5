"""Both sides: the file of a picture, its header, chunks, strips and alpha."""
