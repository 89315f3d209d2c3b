"""Measured data: sweeps, and how they are read from files and tables. Knows no model."""
