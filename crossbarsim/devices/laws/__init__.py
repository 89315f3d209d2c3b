"""What is made of a model's laws: derivatives, compiled kernels, SPICE sources, CUDA C.

A law is a short scalar Python function; `differentiate` and `translate` read its source,
`compilation` puts it in front of a template of array kernels. Nothing here knows a model by name.
"""
