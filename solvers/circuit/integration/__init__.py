"""Integration formulas of circuits, in terms of charges: trapezoidal, Gear's, backward Euler.

They are ngspice's, so that decks give what users know; steps, errors and predictions, which arrays
need as well, are in `solvers.integration`. A new formula is a method of `formulas.History`, or a
subclass as `bdf.Bdf`, with its error constant in `solvers.integration.truncation_error`.
"""
