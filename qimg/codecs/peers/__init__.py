"""Common image formats as codecs of the protocol: one module each, standard files, one thread."""
