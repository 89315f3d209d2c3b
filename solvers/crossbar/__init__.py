"""Crossbars: static solutions, gradients, transients. Three ways to the same linear step.

`structured` is compiled code for one array (lines eliminated as chains, port reduction),
`batched` the same mathematics as array programs for many arrays at once and for GPUs, `sparse`
general nodal analysis, the independent second way. They stay three because compiled loops cannot
run on a GPU, array programs are slower for one array, and a check must share no code.

`crossbarsim.solvers.crossbar_solver` chooses among them. Newton's iteration here (`newton`) has
cells that eliminate their own states and lines as its linear step; that of circuits
(`crossbarsim.solvers.circuit.newton`) has SPICE's limiting and sparse factors. A new linear step is
a class in `structured.linear_steps`.
"""
