"""Results: curves by ngspice's names, quantities of elements, arithmetic on waveforms.

Analyses make them and users read them through `crossbarsim.solvers`. A new result has the members
of `result.Result`; a quantity of an element comes from its group's `quantities`.
"""
