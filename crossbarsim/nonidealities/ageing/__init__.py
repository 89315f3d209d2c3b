"""Ageing of stored conductances by time and use: drift, retention, endurance, read disturb.

A new effect fulfils a protocol of `crossbarsim.nonidealities.protocols`.
"""
