"""Solvers against SPICE, a sparse Cholesky factorisation, and arithmetic of many digits."""
