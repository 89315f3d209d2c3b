"""Element groups, one kind a file: what each adds to f(x, t) + d/dt q(x, t) = 0.

They fulfil the protocol in `crossbarsim.solvers.circuit.system.element_group`; the equations find
them through `builder`, where their factories register. A new kind is a file here with a factory,
imported by `kinds`.
"""
