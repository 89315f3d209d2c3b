"""The circuit engine: f(x, t) + d/dt q(x, t) = 0, compiled from a `Circuit`.

`groups` holds the protocol that every kind of element follows, `builder` and `system` compile and
assemble, `newton` and `homotopy` solve, `dc` and `tran` analyse, `results` answers by ngspice's
names. Models of semiconductors are in `models`.
"""
