"""The arrays of one weight matrix: from levels to conductances, and from inputs to read-out.

The way is one way: `matrix` (the module that a layer holds) -> `programmer` -> `chip` ->
`crossbarsim.nn.mapping`; and `matrix` -> `readout` -> `wiring` -> `crossbarsim.nn.functional`.
"""
