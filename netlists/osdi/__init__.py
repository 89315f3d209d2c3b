"""Compiled Verilog-A: what an OSDI library says about its modules.

`load_osdi` opens a library that an OSDI compiler (OpenVAF) made, versions 0.3 to 0.5 of the
interface, and returns a `Library`: its `Module` records say what terminals, inner nodes,
parameters, operating-point variables and noise sources a module has. `load_verilog_a` compiles a
source first, with the compiler run as a program, and keeps the library in a cache.

A `Module` is a plain record of strings and numbers. The addresses of its functions and the layout
of its data are in `Module.code`, which `crossbarsim.solvers.osdi` calls; nothing here evaluates.
What is wrong with a file shows before the system's loader sees it: see `binary`.

- `abi`: the C structures and constants of the interface;
- `binary`: whether a file is a library for this machine, whole and with the symbols it must have;
- `probe`: whether it opens, tried in another process;
- `library`: opening it, the records;
- `compiler`: Verilog-A to a library;
- `source`: ranges and hidden variables, which only a source tells;
- `values`: parameters of cards and elements, checked.
"""

from .compiler import load_verilog_a
from .library import Library, load_osdi
from .module import Module, NoiseRecord, Parameter

__all__ = ["Library", "Module", "NoiseRecord", "Parameter", "load_osdi", "load_verilog_a"]
