"""Circuits to decks: what we read back, and what ngspice runs unchanged.

`crossbarsim.netlists.spice.writer` chooses the dialect and is all that others import. A new dialect
is a subclass of `deck.Writer`.
"""
