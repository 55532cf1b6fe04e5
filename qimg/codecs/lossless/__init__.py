"""The lossless codec for photographs: local least-squares prediction, and differences in mixed contexts."""
