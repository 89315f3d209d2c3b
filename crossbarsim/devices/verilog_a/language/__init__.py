"""The language: from text to modules as trees, each part with its line.

`preprocess` gives the tokens of a file, `parser` its modules, `description` what they say about
themselves. New declarations go into `parser`, new statements and expressions into `expressions`.
"""
