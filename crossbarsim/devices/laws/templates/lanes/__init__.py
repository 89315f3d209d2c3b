"""Templates of kernels that evaluate sixteen cells at a time."""
