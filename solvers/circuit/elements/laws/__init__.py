"""Laws that are expressions, for whatever decks contain: as tapes, run by one compiled kernel.

`law.Law` is what element groups ask; `tapes` writes expressions as arrays, `kernels_tape` runs
them forwards and backwards, with the operations of `kernels_operations`.
"""
