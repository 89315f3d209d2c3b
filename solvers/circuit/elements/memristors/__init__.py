"""Memristors as elements of circuits: any compact model, its states unknowns of the circuit.

`memristors` has the group and its element N, `kernels_memristors` evaluates it, in compiled loops,
too, and `kernels_expression` compiles a model's law for it. They import `crossbarsim.netlists` and
the circuit's `system`.
"""
