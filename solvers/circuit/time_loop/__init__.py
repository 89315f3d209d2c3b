"""Time steps of small circuits, many in one call: there calls cost more than numbers.

`loop.TimeLoop` runs steps as `analyses.transient.TransientRun` does, by the same rules, and hands
back what is rare: failures of Newton's iteration, jumps, laws without a value. `tables` writes
sources and laws as arrays, `kernels_sources` and `kernels_laws` evaluate them, `kernels_newton` is
a step of Newton's iteration, `kernels_steps` a run of steps, whose state is in the arrays of
`state`. Groups with a `block` are evaluated inside, by kernels of their own that are called by
address.
"""
