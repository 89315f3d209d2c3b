"""Many input vectors of curved cells at once: rounds of Newton steps in compiled code.

`structured.newton_many` drives the rounds, whose linear steps are those of the kernels of one
vector; what has no special lines takes them in single precision (`kernels_even_lines`).
"""
