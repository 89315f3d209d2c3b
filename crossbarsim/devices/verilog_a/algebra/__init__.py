"""Expressions as shared terms: how they are made, differentiated, put into numbers and written out.

Nothing here knows Verilog-A. A new operation goes into `terms`, with its derivative and its numbers
in `calculus` and its text in `emission`.
"""
