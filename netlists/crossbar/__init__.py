"""The crossbar as a netlist: geometry, wires, line ends, cells, and its expansion to a `Circuit`.

`crossbar` and `expansion` stand above `crossbarsim.netlists.circuit`, all else here below it, so
that a circuit can take a crossbar as one element. A new kind of cell fulfils the protocol in
`cells`; a new amplifier is a class in `ends`.
"""
