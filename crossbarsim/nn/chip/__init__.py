"""The arrays of one weight matrix: from levels to conductances, and from inputs to read-out.

The way is one way: `matrix` (the module that a layer holds) -> `programmer` -> `chip` ->
`crossbarsim.nn.mapping`, and `matrix` -> `readout` -> `crossbarsim.nn.wiring` -> `functional`;
`programmed` is what goes from the programmer to the read-out. `effective_matrices` reduces arrays
for the programmer; `compiled` is the quick way of reading where no gradient runs; `operators` and
`products` are what torch's graphs and transforms see of a matrix;
`weight_cache` and `calibration_ranges` are what a matrix remembers, and `matrix_report` looks at it
from outside. Nothing here knows layers, `convert` or `calibrate`.
"""
