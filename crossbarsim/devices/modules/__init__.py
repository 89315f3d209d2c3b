"""Compiled Verilog-A modules as devices and access transistors of cells.

- `instances`: modules set up with parameters, as images that kernels copy into their frames;
- `equations`: which of a module's unknowns are states, and what they are called;
- `verilog_a`: `VerilogA`, a module of two terminals as a `Device`;
- `transistor`: `VerilogATransistor`, a module of three or four as an access transistor;
- `access_tables`: transistors read from tables in transients;
- `local_cells`: cells of which a part is a module, solved one by one in a compiled loop.
"""
