"""Linear steps: sparse LU of our own, KLU, factors kept from earlier steps, Schur complements.

Newton's iteration and the analyses import them; they know matrices only. Two factorisations stay:
ours keeps orders, pivots and unchanged parts from step to step and needs no further package, KLU
(``.options klu``) orders and pivots anew and is a check on it. Another library is a subclass of
`lu.Factors` that `klu.new_factors` returns.
"""
