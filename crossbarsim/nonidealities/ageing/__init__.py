"""What time and use do to stored conductances: drift, retention, endurance, read disturb.

A new effect fulfils a protocol of `crossbarsim.nonidealities.protocols`.
"""
