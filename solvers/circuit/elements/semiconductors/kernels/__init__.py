"""The compiled laws of semiconductors, one model a file, with exact derivatives.

The groups of the folder above call them; they import `crossbarsim.core`, the transistors' laws in
`crossbarsim.netlists.transistors` and each other. A new model or level is a file here.
"""
