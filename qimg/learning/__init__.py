"""Training in PyTorch: the loop and its checkpoints, the schedule, random crops, layers."""
