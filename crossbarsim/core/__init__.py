"""The ground floor: what all three layers import, and what imports none of them.

Types of arrays, checks of input, errors, units, draws, array functions for NumPy and torch alike,
files. Nothing here knows what a crossbar is. Add here only what two of the layers need.
"""
