"""Dot commands and control blocks: what a deck asks for, as records that the solvers run.

A new dot command is a function in `dot_commands`, a new option a row in `options`.
"""
