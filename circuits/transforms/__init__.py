"""Unitary transforms as circuits: from their structure, from their matrix, or optimised for a budget of CX."""
