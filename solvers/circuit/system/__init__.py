"""The circuit's equations: elements in groups, unknowns and names, one sparse pattern.

`element_group` says what a kind of element must give; `builder` finds the kinds, which register
themselves in `crossbarsim.solvers.circuit.elements`. Everything in `solvers.circuit` may import
from here, and nothing here from there. A new option with an effect goes into `tolerances`.
"""
