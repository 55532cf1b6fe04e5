"""JPEG files made smaller without loss: their coefficients under adaptive contexts, and everything else as it is."""
