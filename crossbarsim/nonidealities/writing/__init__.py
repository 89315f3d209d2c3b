"""Errors of writing: finite states, random errors, program-and-verify by pulses."""
