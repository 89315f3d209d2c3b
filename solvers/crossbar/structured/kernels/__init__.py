"""The compiled loops of the structured solver. Each module imports numba, and so is imported late.

They take plain arrays only and are called by the modules of the folder above. A new loop is a file
here, named after what it computes.
"""
