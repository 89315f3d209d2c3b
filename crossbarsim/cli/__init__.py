"""The console script, one group of commands a file. It parses, calls and prints; no logic.

A new command goes into the file of its group, or into a new file whose `app` `main` adds. What a
command needs is imported inside of it: at the top stand only typer, rich and errors, so that help
comes at once.
"""
