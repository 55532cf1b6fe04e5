"""Neither side: every stage of every block as arrays to look at."""
