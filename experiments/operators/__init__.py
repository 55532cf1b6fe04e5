"""Questions about correlation operators and the prior: convergence, transfer, truncation, channels, likelihood."""
