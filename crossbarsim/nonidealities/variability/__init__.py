"""Spread from device to device: distributions, correlation over the array, dependence on state.

A new distribution is a `Distribution`, beside `Normal`; SciPy's and torch's need no code.
"""
