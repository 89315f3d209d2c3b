"""What a module does: its analog block carried out on terms, and the laws that follow from it.

`execution` is one evaluation, with `functions` and `system` for what the language knows by name;
`memory` finds states, `network` solves Kirchhoff's laws, `edges` rounds dead zones.
"""
