"""Compact models of devices, one a file: a published law, its parameters with units and sources.

A new model is one file here and its name in `crossbarsim.devices`; outside of the package an
entry point of the group ``crossbarsim.devices`` does the same. Models import the base class, never
each other's files but for what they extend. Like models (TEAM and VTEAM, the two data-driven ones,
the two of JART) repeat parameters and lines on purpose: a file stands beside its paper and is read
by itself, and the defaults differ.
"""
