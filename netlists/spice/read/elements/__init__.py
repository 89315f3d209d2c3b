"""The lines of elements, by kind: what each says, in what order, with which defaults.

`crossbarsim.netlists.spice.reader` calls these functions; they import what a line is made of from
the folder above. A new element is a function here that returns its `Element` records, its letter in
the reader's table, and a row of `crossbarsim.netlists.elements.KINDS`.
"""
