"""Dot commands and control blocks: what a deck asks for, as records that the solvers run.

The records are in `crossbarsim.netlists.analyses`; the reader of decks calls what is here. A new
dot command is a function in `dot_commands`, a new option a row in `options`.
"""
