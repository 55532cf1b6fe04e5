"""The representations of qimg, one file each; a name is added by its line in `circuits.representation.registry`."""
