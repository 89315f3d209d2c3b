"""The compiled loops of the structured solver. Each module imports numba."""
