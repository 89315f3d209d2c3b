"""Crossbars: static solutions, gradients, transients. Three ways to the same linear step.

`structured` is compiled code for one array (lines eliminated as chains, port reduction),
`batched` the same mathematics as array programs for many arrays at once and for GPUs, `sparse`
general nodal analysis, the independent second way. They stay three because compiled loops cannot
run on a GPU, array programs are slower for one array, and a check must share no code.
"""
