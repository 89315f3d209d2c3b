"""ngspice's ``.raw`` files, read and written, and tables of comma-separated values.

`crossbarsim.read_raw` and `crossbarsim.write_raw` are from here; the CLI and the control language
write results by `export`. A new file format is a file here that takes `plots.RawPlot`.
"""
