"""General sparse modified nodal analysis of a crossbar: ``method="mna"``, the independent check.

It assembles every node and shares no code with the other two ways beyond the problem that they are
given. The crossbar solver imports `nodal`, Newton's iteration `newton_step`. Another library of
sparse factors is a class in `factors`.
"""
