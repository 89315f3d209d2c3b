"""Measurements behind every claim of speed; run with ``python -m benchmarks``."""
