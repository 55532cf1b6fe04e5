"""tensor_trains."""
