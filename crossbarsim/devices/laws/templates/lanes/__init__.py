"""Templates of kernels that evaluate a vector of cells at a time."""
