"""Compiled Verilog-A evaluated: many instances of a module in one compiled loop.

`OsdiBatch(module, model, instance, count=E, temperature=...)` holds the data of E instances of a
`crossbarsim.netlists.osdi.Module`, set up and checked. Their nodes are ``batch.labels``: terminals
first, then what is left of the inner nodes once the module has made some of them one ("live"
nodes, n of them). ``batch.evaluate(x)`` at x (n, E), volt, returns

- ``f`` (n, E), ampere: the sum of the currents out of each live node into the instance, or the
  residual of an inner equation;
- ``q`` (n, E), coulomb: what is differentiated by time and added to f (``ddt``, ``idt``);
- ``g`` (A, E) and ``c`` (B, E): df/dx and dq/dx at the places ``batch.g_at`` and ``batch.c_at``,
  pairs of live nodes (row, column).

so that, whatever the module, the instance's equations are f(x, t) + d/dt q(x, t) = the currents
that flow into it from outside, 0 for inner nodes. A `Crossbar`'s cells eliminate the inner nodes
(n - 2 of a two-terminal cell) cell by cell; a circuit's group has them as unknowns and calls
`evaluate_into` with the solver's own vector. With ``limit=True`` the module's ``$limit`` may
choose other voltages; then f and q are tangents and ``batch.limited`` says where; `keep` accepts
the states. All arrays have the instances last and are stored instance by instance (Fortran order).

- `setup`: data of models and instances; nodes made one;
- `batch`: the batch;
- `kernels_evaluation`, `kernels_limiting`: compiled loops and SPICE's limiting functions.
"""

from .batch import Evaluated, OsdiBatch
from .setup import Blocks, Simulator

__all__ = ["Blocks", "Evaluated", "OsdiBatch", "Simulator"]
