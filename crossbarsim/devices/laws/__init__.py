"""From a model's laws: their derivatives, compiled kernels, SPICE sources and CUDA C.

A law is a short scalar Python function; `core.laws` reads its source, `laws` puts a model's laws
together, `compilation` sets them in front of a template of array kernels. Nothing here knows a
model by name.
"""
