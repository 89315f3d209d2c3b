"""Laws as source: a short scalar Python function is read, and its derivatives or its text written.

`differentiate` writes a function with exact derivatives, `translate` one for the compiler,
`spice_expressions` the expressions of ngspice's behavioural sources. Device models, transistors and
their writers use them; nothing here knows a law. Add what any law may contain in `text` and in
these three.
"""
