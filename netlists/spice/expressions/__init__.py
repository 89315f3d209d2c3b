"""Expressions of decks: grammar, steps, functions with exact derivatives, compiled or as text.

A new function is one rule in `functions`.
"""
