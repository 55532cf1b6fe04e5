"""The codecs that people use, behind the protocol: one file each, whole files that other programs read, one thread."""
