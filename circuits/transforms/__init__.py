"""Unitary transforms as circuits: by their structure, from their matrix, or the best for a budget of CX."""
