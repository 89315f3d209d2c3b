"""Decks to circuits: lines, the tree of subcircuits, names in scope, and elements' lines.

`crossbarsim.netlists.spice.reader` puts them together; dot commands use lines and scopes as well.
The line of a new kind of element is read in `elements`.
"""
