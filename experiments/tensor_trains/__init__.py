"""Experiments on tensor trains: pictures, operators and distributions in few numbers."""
