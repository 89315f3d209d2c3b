"""Decks to circuits: lines, the tree of subcircuits, names in scope, and elements' lines.

`reader.read_spice` is the door. The line of a new kind of element is read in `elements`.
"""
