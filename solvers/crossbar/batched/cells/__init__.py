"""Arrays of devices side by side: static solutions, gradients, and many chips in time.

Newton's iteration of `solvers.crossbar` on whole batches of input vectors or chips, with the linear
steps of the folder above; cells are evaluated on the host or by their CUDA kernels. It stands above
the array programs and is called by `dispatch` and the crossbar solver.
"""
