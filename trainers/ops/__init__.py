"""Numerical kernels of the training graph: a reference in PyTorch, and faster variants that agree with it."""
