"""Integration in time: what the transients of arrays and of circuits have in common.

Here live the step controller (lengths of steps, corners, refusals), the detection of stalled runs,
local truncation errors of every formula, and the extrapolation from which Newton's iteration of a
step begins. Both `solvers.crossbar` and `solvers.circuit` import from here; nothing here imports
from them. A new formula's error goes into `truncation_error`, a new limit on steps into
`step_control`, another way of getting nowhere into `stall_detection`.

There are two integrators because their formulas differ for a reason. An array integrates by TR-BDF2
(`tr_bdf2`), both of whose stages have the same coefficient, so that every cell eliminates its
states locally; a circuit integrates charges by the trapezoidal rule or Gear's formulas with
ngspice's tolerances (`solvers.circuit.integration`), so that decks give what users know. Their
constants are `StepRules`, each with its reasons where the run is.
"""
