"""The analyses, one a file; `deck` runs those that a deck asks for.

A new analysis is a record in `crossbarsim.netlists.analyses`, which the deck's reader and writer
know, and a file here that registers what runs it, imported by `deck`.
"""
