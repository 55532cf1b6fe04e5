"""Processing of encoded pictures: edges, flips and shifts, changes of levels, comparison; each a small circuit."""
