"""The circuit engine: f(x, t) + d/dt q(x, t) = 0, compiled from a `Circuit`.

`system` holds the protocol of element groups and assembles the equations, `elements` has the kinds,
`linear_solvers` the factors, `integration` the formulas in time; `newton` and `homotopy` solve,
`analyses` run, `results` answer by ngspice's names. The simulator imports analyses and results; a
folder here imports those before it. Where a new element, analysis or formula goes, its folder says.
"""
