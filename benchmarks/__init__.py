"""Speed and memory beside peers: `python -m benchmarks`. Medians, and ratios within one run; nothing here is a test."""
