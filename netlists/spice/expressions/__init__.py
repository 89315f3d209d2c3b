"""Expressions of decks: grammar, steps, functions with exact derivatives, compiled or as text.

Elements, readers and solvers import `expression.Expression`; nothing here knows circuits. A new
function is one rule in `functions`; where ngspice writes it otherwise, one row in `text`.
"""
