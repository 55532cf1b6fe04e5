"""Shared by encoder and decoder: progressive files, which hold a coarse picture and layers that refine it."""
