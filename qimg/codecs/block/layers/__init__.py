"""Both sides: progressive files, a coarse picture and layers that refine it."""
