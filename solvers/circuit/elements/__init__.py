"""Element groups, one kind a file: what each adds to f(x, t) + d/dt q(x, t) = 0.

A new kind is a file here with a factory, imported by `kinds`.
"""
