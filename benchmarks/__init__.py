"""Speed and memory against bare peers: `python -m benchmarks`. Ratios of medians in one run; nothing here is a test."""
