"""The lines of elements, by kind: what each says, in what order, with which defaults.

A new element registers the letter that its lines begin with.
"""
