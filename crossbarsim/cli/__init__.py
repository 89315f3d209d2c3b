"""The console script, one group of commands a file. It parses, calls and prints; no logic.

A new command goes into the file of its group, or into a new file whose `app` `main` adds.
"""
