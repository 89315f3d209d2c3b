"""The crossbar as a netlist: geometry, wires, line ends, cells, and its expansion to a `Circuit`.

Nothing here solves anything. A new kind of cell fulfils the protocol in `cells`; a new amplifier
is a class in `ends`.
"""
