"""The analyses, one a file; `run` finds the one that a deck asks for.

A new analysis is a record in `crossbarsim.netlists.analyses` and a file here that registers it.
"""
