"""Templates of kernels that integrate many devices in lockstep."""
