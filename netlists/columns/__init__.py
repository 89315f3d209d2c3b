"""Elements of large circuits in columns: names, nodes and values as arrays, not as objects.

Resistors, capacitors, inductors and sources of plain numbers are nearly all of what decks of
millions of lines contain. `kernels_plain` reads such lines, `plain` holds a run of them,
and `table` is what a circuit keeps its elements in, runs and single elements in the deck's order.
Nothing here knows circuits or the rest of a deck's language.
"""
