"""Circuits to decks: what we read back, and what ngspice runs unchanged."""
