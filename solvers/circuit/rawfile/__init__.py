"""ngspice's ``.raw`` files, read and written.

`crossbarsim.read_raw` and `crossbarsim.write_raw` are from here; results become `plots.RawPlot`s in
`results.plotted`. A new file format is a file here that takes these.
"""
