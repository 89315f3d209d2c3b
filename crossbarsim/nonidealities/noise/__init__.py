"""Noise of reads: thermal, shot, 1/f and telegraph noise, as currents or through the circuit.

A new kind of noise is a file here and a field of `crossbarsim.nonidealities.ReadNoise`.
"""
