"""Devices as cells of a crossbar: bare, with a selector (1S1R), with a transistor (1T1R).

A new kind of cell fulfils the protocol of `crossbarsim.netlists.crossbar.cells`.
"""
