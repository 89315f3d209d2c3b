"""Control blocks: ngspice's command language, run on our own analyses and results.

`interpreter` runs the commands that `crossbarsim.netlists.spice.commands` read; the CLI imports it.
A new command is a method ``_do_<name>`` there; `vectors` has the arithmetic, `output` what is
printed.
"""
